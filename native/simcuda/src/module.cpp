#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <unistd.h>

#include "launch.h"

namespace sim {

namespace {

struct Segments {
    const Module* module;
    char *begin, *end;
    void* tls;
    size_t tls_bytes;
};

int visit(dl_phdr_info* info, size_t, void* argument) {
    auto* s = static_cast<Segments*>(argument);
    const char* inside = reinterpret_cast<const char*>(s->module->table);
    char *begin = nullptr, *end = nullptr;
    const ElfW(Phdr)* tls = nullptr;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr)& h = info->dlpi_phdr[i];
        char* at = reinterpret_cast<char*>(info->dlpi_addr + h.p_vaddr);
        if (h.p_type == PT_LOAD && (begin == nullptr || at < begin)) begin = at;
        if (h.p_type == PT_LOAD && at + h.p_memsz > end) end = at + h.p_memsz;
        if (h.p_type == PT_TLS) tls = &h;
    }
    if (inside < begin || inside >= end) return 0;
    s->begin = begin;
    s->end = end;
    if (tls != nullptr) {
        s->tls = info->dlpi_tls_data;
        s->tls_bytes = tls->p_memsz;
    }
    return 1;
}

Segments segments(const Module& m) {
    Segments s = {&m, nullptr, nullptr, nullptr, 0};
    dl_iterate_phdr(visit, &s);
    return s;
}

} // namespace

CUresult open_module(const void* image, Module** module, std::string* why) {
    // cuModuleLoadData is given no length, but a mismatch in the magic ends the comparison before the end of any real image.
    constexpr size_t magic = sizeof SIMCUDA_MAGIC - 1;
    if (image == nullptr || strncmp(static_cast<const char*>(image), SIMCUDA_MAGIC, magic) != 0) {
        *why = "the module image is not one of native/simcuda/build/modules: run make -C native/simcuda and pass -Dsagitta.cuda.modules";
        return CUDA_ERROR_INVALID_IMAGE;
    }
    std::string path = static_cast<const char*>(image) + magic;
    path = path.substr(0, path.find('\n'));
    void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
        *why = dlerror();
        return CUDA_ERROR_SHARED_OBJECT_INIT_FAILED;
    }
    auto* table = static_cast<const SimModuleTable*>(dlsym(handle, SIMCUDA_TABLE_SYMBOL));
    if (table == nullptr) {
        *why = path + " has no " SIMCUDA_TABLE_SYMBOL;
        dlclose(handle);
        return CUDA_ERROR_INVALID_IMAGE;
    }
    auto* m = new Module{handle, path, table, nullptr, nullptr};
    Segments s = segments(*m);
    m->image_begin = s.begin;
    m->image_end = s.end;
    *module = m;
    return CUDA_SUCCESS;
}

void close_module(Module* module) {
    dlclose(module->handle);
    delete module;
}

void* module_symbol(const Module& m, const char* name, size_t* bytes) {
    void* p = dlsym(m.handle, name);
    if (p == nullptr || !in_image(m, p)) return nullptr;
    Dl_info info;
    const ElfW(Sym)* symbol = nullptr;
    dladdr1(p, &info, reinterpret_cast<void**>(const_cast<ElfW(Sym)**>(&symbol)), RTLD_DL_SYMENT);
    if (bytes != nullptr) *bytes = symbol != nullptr ? symbol->st_size : 0;
    return p;
}

void* shared_segment(const Module& m, size_t* bytes) {
    m.table->shared_probe(); // thread-local storage comes into being on first use
    Segments s = segments(m);
    *bytes = s.tls != nullptr ? s.tls_bytes : 0;
    return s.tls;
}

bool in_image(const Module& m, const void* p) { return p >= m.image_begin && p < m.image_end; }

} // namespace sim
