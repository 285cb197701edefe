// Energy and clocks for dev.sagitta.device.EnergyMeter, from the driver's libnvidia-ml.so.1. Names and numbers are those of nvml.h.
#include <dlfcn.h>
#include <jni.h>

namespace {

using Device = void*;
int (*by_bus_id)(const char*, Device*);
int (*total_energy)(Device, unsigned long long*);
int (*clock_info)(Device, int, unsigned*);

template <typename F> bool find(void* library, const char* name, F* function) {
    *function = reinterpret_cast<F>(dlsym(library, name));
    return *function != nullptr;
}

bool load() {
    void* library = dlopen("libnvidia-ml.so.1", RTLD_LAZY);
    if (library == nullptr) return false;
    int (*init)();
    return find(library, "nvmlInit_v2", &init) && find(library, "nvmlDeviceGetHandleByPciBusId_v2", &by_bus_id) &&
           find(library, "nvmlDeviceGetTotalEnergyConsumption", &total_energy) && find(library, "nvmlDeviceGetClockInfo", &clock_info) &&
           init() == 0;
}

} // namespace

extern "C" {

// NVML's handle of the device; 0 where there is no NVML or no such device.
JNIEXPORT jlong JNICALL Java_dev_sagitta_device_EnergyMeter_open(JNIEnv* env, jclass, jstring bus_id) {
    static const bool loaded = load();
    if (!loaded) return 0;
    const char* id = env->GetStringUTFChars(bus_id, nullptr);
    if (id == nullptr) return 0;
    Device device = nullptr;
    int status = by_bus_id(id, &device);
    env->ReleaseStringUTFChars(bus_id, id);
    return status == 0 ? reinterpret_cast<jlong>(device) : 0;
}

// Since the driver was loaded; -1 where the device does not count.
JNIEXPORT jlong JNICALL Java_dev_sagitta_device_EnergyMeter_millijoules(JNIEnv*, jclass, jlong device) {
    unsigned long long value = 0;
    return total_energy(reinterpret_cast<Device>(device), &value) == 0 ? static_cast<jlong>(value) : -1;
}

JNIEXPORT jint JNICALL Java_dev_sagitta_device_EnergyMeter_megahertz(JNIEnv*, jclass, jlong device, jint which) {
    unsigned value = 0;
    return clock_info(reinterpret_cast<Device>(device), which, &value) == 0 ? static_cast<jint>(value) : -1;
}

} // extern "C"
