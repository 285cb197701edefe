// Stands in for NVML: one device that uses 1.5 J between two readings.
#define API extern "C" __attribute__((visibility("default")))
API int nvmlInit_v2() { return 0; }
API int nvmlDeviceGetHandleByPciBusId_v2(const char*, void** device) {
    static int it;
    *device = &it;
    return 0;
}
API int nvmlDeviceGetTotalEnergyConsumption(void*, unsigned long long* millijoules) {
    static unsigned long long total = 1000000;
    *millijoules = total += 1500;
    return 0;
}
API int nvmlDeviceGetClockInfo(void*, int which, unsigned* megahertz) {
    *megahertz = which == 1 ? 1980 : 2619;
    return 0;
}
