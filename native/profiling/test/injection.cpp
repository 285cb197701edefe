// Stands in for a profiler: writes "push NAME" and "pop" to the file SAGITTA_TEST_RANGES.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace {
using Function = void (*)();
FILE* out() {
    static FILE* file = fopen(getenv("SAGITTA_TEST_RANGES"), "w");
    return file;
}
int depth = 0;
int push(const char* name) {
    fprintf(out(), "push %s\n", name);
    fflush(out());
    return depth++;
}
int pop() {
    fprintf(out(), "pop\n");
    fflush(out());
    return --depth;
}
struct Callbacks {
    size_t struct_size;
    int (*module_table)(int, Function***, unsigned*);
};
} // namespace

extern "C" __attribute__((visibility("default"))) int InitializeInjectionNvtx2(const void* (*export_table)(uint32_t)) {
    auto* callbacks = static_cast<const Callbacks*>(export_table(1));
    Function** table;
    unsigned size = 0;
    if (callbacks == nullptr || callbacks->module_table(1, &table, &size) == 0 || size < 12) return 0;
    *table[9] = reinterpret_cast<Function>(push);
    *table[11] = reinterpret_cast<Function>(pop);
    return 1;
}
