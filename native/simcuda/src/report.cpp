#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <mutex>

#include "launch.h"

namespace sim {

namespace {
std::mutex lock;

std::string output_of(const std::string& command) {
    std::string text;
    FILE* pipe = popen(command.c_str(), "r");
    if (pipe == nullptr) return text;
    char buffer[512];
    while (fgets(buffer, sizeof buffer, pipe) != nullptr) text += buffer;
    pclose(pipe);
    return text;
}

// "file:line, inlined at file:line", from the module's line table; the bare offset where binutils is absent.
std::string source_line(const void* pc) {
    Dl_info info;
    if (pc == nullptr || dladdr(pc, &info) == 0) return "";
    char offset[32];
    snprintf(offset, sizeof offset, "0x%zx", static_cast<size_t>(static_cast<const char*>(pc) - 1 - static_cast<const char*>(info.dli_fbase)));
    std::string text, lines = output_of("addr2line -i -e '" + std::string(info.dli_fname) + "' " + offset + " 2>/dev/null");
    int shown = 0;
    for (size_t at = 0; at < lines.size() && shown < 3;) {
        size_t end = lines.find('\n', at);
        std::string line = lines.substr(at, end - at);
        at = end == std::string::npos ? lines.size() : end + 1;
        line = line.substr(0, line.find(" (discriminator"));
        if (line.find("/include/simcuda/") != std::string::npos || line.find("??") != std::string::npos) continue; // our own wrappers
        text += (shown++ ? ", inlined at " : "\n    at ") + line;
    }
    return shown ? text : "\n    at " + std::string(info.dli_fname) + "+" + offset;
}
} // namespace

int add_report(Launch& launch, Report report) {
    std::lock_guard<std::mutex> guard(lock);
    launch.reports.push_back(std::move(report));
    return launch.report_count = static_cast<int>(launch.reports.size());
}

void write_report(const std::string& text) {
    fprintf(stderr, "simcuda: %s\n", text.c_str());
    const char* path = getenv("SIMCUDA_REPORT");
    if (path == nullptr || *path == 0) return;
    FILE* f = fopen(path, "a");
    if (f == nullptr) return;
    fprintf(f, "%s\n", text.c_str());
    fclose(f);
}

void write_reports(const Launch& launch) {
    for (const Report& r : launch.reports) write_report(r.text + source_line(r.pc));
}

namespace {
// Calls visit(offset, size, name) for the module's local variables. Thread-local ones carry their offset in the segment.
template <class F>
void for_each_variable(Module& m, F visit) {
    if (!m.symbols_read) m.symbols = output_of("nm -S -C '" + m.path + "' 2>/dev/null | grep -i ' [bd] '");
    m.symbols_read = true;
    for (size_t at = 0; at < m.symbols.size();) {
        size_t end = m.symbols.find('\n', at);
        std::string line = m.symbols.substr(at, end - at);
        at = end == std::string::npos ? m.symbols.size() : end + 1;
        unsigned long long start, size;
        int name = 0;
        if (sscanf(line.c_str(), "%llx %llx %*c %n", &start, &size, &name) == 2 && name > 0) visit(start, size, line.substr(name));
    }
}
} // namespace

std::string symbol_at(Module& m, const void* p) {
    size_t bytes;
    size_t offset = static_cast<const char*>(p) - static_cast<const char*>(shared_segment(m, &bytes));
    std::string found = "between its variables";
    for_each_variable(m, [&](size_t start, size_t size, const std::string& name) {
        if (offset >= start && offset < start + size) found = "byte " + std::to_string(offset - start) + " of " + name;
    });
    return found;
}

size_t static_shared_of(Module& m, const char* kernel) {
    size_t bytes, total = 0;
    shared_segment(m, &bytes);
    if (bytes <= sizeof(long)) return 0; // the probe's own anchor alone
    std::string prefix = std::string(kernel) + "::";
    for_each_variable(m, [&](size_t start, size_t size, const std::string& name) {
        if (start < bytes && name.compare(0, prefix.size(), prefix) == 0) total += size;
    });
    return total;
}

} // namespace sim
