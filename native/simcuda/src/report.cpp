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

std::string symbol_at(const Module& m, const void* p) {
    size_t bytes;
    const char* base = static_cast<const char*>(shared_segment(m, &bytes));
    // Thread-local symbols carry their offset in the segment; nm lists them as b or d.
    std::string lines = output_of("nm -S -C '" + m.path + "' 2>/dev/null | grep -i ' [bd] '");
    size_t offset = static_cast<const char*>(p) - base;
    for (size_t at = 0; at < lines.size();) {
        size_t end = lines.find('\n', at);
        std::string line = lines.substr(at, end - at);
        at = end == std::string::npos ? lines.size() : end + 1;
        unsigned long long start, size;
        int name = 0;
        if (sscanf(line.c_str(), "%llx %llx %*c %n", &start, &size, &name) == 2 && name > 0 && offset >= start && offset < start + size)
            return "byte " + std::to_string(offset - start) + " of " + line.substr(name);
    }
    return "between its variables";
}

} // namespace sim
