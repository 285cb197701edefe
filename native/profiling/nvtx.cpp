// NVTX ranges for dev.sagitta.device.Profiling. The protocol (names, numbers and struct layout) is that of NVIDIA's header-only NVTX 3,
// nvtx3/nvtxDetail/nvtxTypes.h: the application loads the library named by NVTX_INJECTION64_PATH and calls its InitializeInjectionNvtx2
// with a function that returns export tables; through the table of callbacks the profiler reaches an array of addresses of our function
// pointers, and writes its own functions into those it wants.
#include <dlfcn.h>
#include <jni.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace {

using Function = void (*)();
enum Core { kRangePushA = 9, kRangePop = 11, kCoreSize = 16 };
constexpr int kModuleCore = 1;
constexpr uint32_t kTableCallbacks = 1, kTableVersion = 3, kNvtxVersion = 3;

Function functions[kCoreSize]; // what the profiler wrote; null where it wrote nothing
Function* core_table[kCoreSize + 1];

int module_table(int module, Function*** table, unsigned* size) {
    if (module != kModuleCore) return 0;
    if (table != nullptr) *table = core_table;
    if (size != nullptr) *size = kCoreSize;
    return 1;
}
void set_injection_version(uint32_t) {}

struct CallbacksTable {
    size_t struct_size;
    int (*module_table)(int, Function***, unsigned*);
};
struct VersionTable {
    size_t struct_size;
    uint32_t version, reserved;
    void (*set_injection_version)(uint32_t);
};

const void* export_table(uint32_t id) {
    static const CallbacksTable callbacks = {sizeof(CallbacksTable), module_table};
    static const VersionTable version = {sizeof(VersionTable), kNvtxVersion, 0, set_injection_version};
    return id == kTableCallbacks ? static_cast<const void*>(&callbacks) : id == kTableVersion ? &version : nullptr;
}

bool attach() {
    const char* path = getenv("NVTX_INJECTION64_PATH");
    if (path == nullptr || *path == 0) return false;
    void* library = dlopen(path, RTLD_LAZY);
    if (library == nullptr) return false;
    using Initialize = int (*)(const void* (*)(uint32_t));
    auto initialize = reinterpret_cast<Initialize>(dlsym(library, "InitializeInjectionNvtx2"));
    // entry 0 is unused
    for (int i = 1; i < kCoreSize; i++) core_table[i] = &functions[i];
    return initialize != nullptr && initialize(export_table) != 0 && functions[kRangePushA] != nullptr && functions[kRangePop] != nullptr;
}

} // namespace

extern "C" {

JNIEXPORT jboolean JNICALL Java_dev_sagitta_device_Profiling_nvtxAvailable(JNIEnv*, jclass) {
    static const bool attached = attach();
    return attached;
}

JNIEXPORT jlong JNICALL Java_dev_sagitta_device_Profiling_name(JNIEnv* env, jclass, jstring text) {
    const char* utf = env->GetStringUTFChars(text, nullptr);
    if (utf == nullptr) return 0;
    char* copy = strdup(utf); // kept: the profiler may hold on to it
    env->ReleaseStringUTFChars(text, utf);
    return reinterpret_cast<jlong>(copy);
}

JNIEXPORT void JNICALL Java_dev_sagitta_device_Profiling_push(JNIEnv*, jclass, jlong name) {
    reinterpret_cast<int (*)(const char*)>(functions[kRangePushA])(reinterpret_cast<const char*>(name));
}

JNIEXPORT void JNICALL Java_dev_sagitta_device_Profiling_pop(JNIEnv*, jclass) {
    reinterpret_cast<int (*)()>(functions[kRangePop])();
}

} // extern "C"
