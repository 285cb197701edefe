// Faults on request. A control file (SIMCUDA_CONTROL) of lines "name=value" is looked at before each allocation, launch and module; when it has changed,
// the counts start again. The same settings can be given as environment variables, or by a C program through the functions below.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

#include "driver.h"

namespace sim {

namespace {

struct Fault {
    const char* name;
    const char* variable;
    long nth = 0;      // 0: never
    bool onwards = false; // all from the n-th on
    long count = 0;

    bool hit() {
        count++;
        return nth > 0 && (onwards ? count >= nth : count == nth);
    }
    void set(const char* text) {
        nth = atol(text);
        onwards = strchr(text, '+') != nullptr;
        count = 0;
    }
};

Fault alloc{"fail_alloc", "SIMCUDA_FAIL_ALLOC"}, launch{"fail_launch", "SIMCUDA_FAIL_LAUNCH"};
bool no_cublas = false;
int module_code = 0, module_millis = 0;
timespec seen = {0, 0};
ino_t seen_inode = 0;
off_t seen_size = -1;

void refresh() {
    static bool first = true;
    if (first) {
        first = false;
        for (Fault* f : {&alloc, &launch})
            if (const char* text = getenv(f->variable)) f->set(text);
    }
    const char* path = getenv("SIMCUDA_CONTROL");
    struct stat s;
    if (path == nullptr || stat(path, &s) != 0) return;
    if (s.st_mtim.tv_sec == seen.tv_sec && s.st_mtim.tv_nsec == seen.tv_nsec && s.st_ino == seen_inode && s.st_size == seen_size) return;
    seen = s.st_mtim;
    seen_inode = s.st_ino;
    seen_size = s.st_size;
    alloc.set("0");
    launch.set("0");
    no_cublas = false;
    module_code = module_millis = 0;
    FILE* file = fopen(path, "r");
    if (file == nullptr) return;
    char line[256];
    while (fgets(line, sizeof line, file) != nullptr) {
        char* value = strchr(line, '=');
        if (value == nullptr) continue;
        *value++ = 0;
        for (Fault* f : {&alloc, &launch})
            if (strcmp(line, f->name) == 0) f->set(value);
        if (strcmp(line, "no_cublas") == 0) no_cublas = atoi(value) != 0;
        if (strcmp(line, "fail_module") == 0) module_code = atoi(value);
        if (strcmp(line, "slow_module") == 0) module_millis = atoi(value);
    }
    fclose(file);
}

} // namespace

bool fault_alloc() {
    refresh();
    return alloc.hit();
}
bool fault_launch() {
    refresh();
    return launch.hit();
}
bool fault_cublas() {
    refresh();
    const char* text = getenv("SIMCUDA_NO_CUBLAS");
    return no_cublas || (text != nullptr && *text != 0 && strcmp(text, "0") != 0);
}
CUresult fault_module() {
    refresh();
    if (module_millis > 0) usleep(1000u * static_cast<unsigned>(module_millis));
    return module_code;
}

} // namespace sim

SIM_API void simcuda_fail_alloc(int nth) {
    sim::refresh();
    sim::alloc.nth = nth;
    sim::alloc.onwards = false;
    sim::alloc.count = 0;
}
SIM_API void simcuda_fail_launch(int nth) {
    sim::refresh();
    sim::launch.nth = nth;
    sim::launch.onwards = false;
    sim::launch.count = 0;
}
