/* The native smoke test of a GPU machine: no Java, no CUDA toolkit, three seconds. It answers what must be known before anything else is tried:

     smoke MODULES ENTRIES [plant]

   MODULES is a folder of fatbins, ENTRIES a file of lines `FILE.cu <tab> kernel` (native/fatbin makes it). Checked, exit 1 if not so: each fatbin
   loads, each entry is there as machine code of this very device (not PTX that the driver translated) and has no local memory, launches work alone
   and as a replayed graph. Measured, one line each: what a launch costs in a row, with a wait, and in a graph; bandwidth of copies on the device
   (bytes read + written) and to and from the host, pageable and page-locked; whether the energy counter answers.

   With `plant` a kernel writes beyond its memory instead, and nothing is measured: what compute-sanitizer must report before its silence counts.

   Only libcuda.so.1 is opened (and libnvidia-ml.so.1, if it is there); the few declarations of cuda.h that are needed stand here. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef int Result;
typedef unsigned long long DevicePointer;
typedef void *Handle;

enum { SMS = 16, L2_BYTES = 38, MAJOR = 75, MINOR = 76 };              /* CU_DEVICE_ATTRIBUTE_... */
enum { LOCAL_BYTES = 3, REGISTERS = 4, BINARY_VERSION = 6 };           /* CU_FUNC_ATTRIBUTE_... */
enum { CAPTURE_THREAD_LOCAL = 1, LAUNCHES = 1000, REPEATS = 7 };

static Result (*init)(unsigned);
static Result (*driver_version)(int *);
static Result (*device_get)(int *, int);
static Result (*device_name)(char *, int, int);
static Result (*device_attribute)(int *, int, int);
static Result (*device_memory)(size_t *, int);
static Result (*context_retain)(Handle *, int);
static Result (*context_set)(Handle);
static Result (*module_load)(Handle *, const void *);
static Result (*module_function)(Handle *, Handle, const char *);
static Result (*function_attribute)(int *, int, Handle);
static Result (*launch)(Handle, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, Handle, void **, void **);
static Result (*stream_create)(Handle *, unsigned);
static Result (*stream_wait)(Handle);
static Result (*capture_begin)(Handle, int);
static Result (*capture_end)(Handle, Handle *);
static Result (*graph_instantiate)(Handle *, Handle, unsigned long long);
static Result (*graph_launch)(Handle, Handle);
static Result (*event_create)(Handle *, unsigned);
static Result (*event_record)(Handle, Handle);
static Result (*event_elapsed)(float *, Handle, Handle);
static Result (*allocate)(DevicePointer *, size_t);
static Result (*release)(DevicePointer);
static Result (*allocate_host)(void **, size_t, unsigned);
static Result (*fill)(DevicePointer, unsigned char, size_t, Handle);
static Result (*copy_device)(DevicePointer, DevicePointer, size_t, Handle);
static Result (*copy_up)(DevicePointer, const void *, size_t, Handle);
static Result (*copy_down)(void *, DevicePointer, size_t, Handle);
static Result (*error_name)(Result, const char **);

static const struct {
    const char *name;
    void *slot;
} CALLS[] = {
    {"cuInit", &init}, {"cuDriverGetVersion", &driver_version}, {"cuDeviceGet", &device_get}, {"cuDeviceGetName", &device_name},
    {"cuDeviceGetAttribute", &device_attribute}, {"cuDeviceTotalMem_v2", &device_memory}, {"cuDevicePrimaryCtxRetain", &context_retain},
    {"cuCtxSetCurrent", &context_set}, {"cuModuleLoadData", &module_load}, {"cuModuleGetFunction", &module_function},
    {"cuFuncGetAttribute", &function_attribute}, {"cuLaunchKernel", &launch}, {"cuStreamCreate", &stream_create}, {"cuStreamSynchronize", &stream_wait},
    {"cuStreamBeginCapture_v2", &capture_begin}, {"cuStreamEndCapture", &capture_end}, {"cuGraphInstantiateWithFlags", &graph_instantiate},
    {"cuGraphLaunch", &graph_launch}, {"cuEventCreate", &event_create}, {"cuEventRecord", &event_record}, {"cuEventElapsedTime", &event_elapsed},
    {"cuMemAlloc_v2", &allocate}, {"cuMemFree_v2", &release}, {"cuMemHostAlloc", &allocate_host}, {"cuMemsetD8Async", &fill},
    {"cuMemcpyDtoDAsync_v2", &copy_device}, {"cuMemcpyHtoDAsync_v2", &copy_up}, {"cuMemcpyDtoHAsync_v2", &copy_down}, {"cuGetErrorName", &error_name},
};

static int problems;

static void check(Result status, const char *call) {
    const char *name = "?";
    if (status == 0) return;
    if (error_name != NULL) error_name(status, &name);
    printf("FAILED  %s: %s (%d)\n", call, name, status);
    exit(1);
}
static void problem(const char *kernel, const char *what, int found, int expected) {
    printf("FAILED  %s: %s is %d, expected %d\n", kernel, what, found, expected);
    problems++;
}
static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}
static int ascending(const void *a, const void *b) { return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b); }
static double median(double *values, int count) {
    qsort(values, count, sizeof *values, ascending);
    return values[count / 2];
}

static void open_driver(void) {
    void *library = dlopen("libcuda.so.1", RTLD_NOW);
    if (library == NULL) {
        printf("FAILED  no CUDA driver: %s\n", dlerror());
        exit(1);
    }
    for (size_t i = 0; i < sizeof CALLS / sizeof *CALLS; i++) {
        void *symbol = dlsym(library, CALLS[i].name);
        if (symbol == NULL) {
            printf("FAILED  the driver has no %s\n", CALLS[i].name);
            exit(1);
        }
        memcpy(CALLS[i].slot, &symbol, sizeof symbol);
    }
}

static void *read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    long size;
    char *bytes;
    if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0) {
        printf("FAILED  %s cannot be read\n", path);
        exit(1);
    }
    rewind(file);
    bytes = calloc(1, size + 1);
    if (bytes == NULL || fread(bytes, 1, size, file) != (size_t)size) {
        printf("FAILED  %s cannot be read\n", path);
        exit(1);
    }
    fclose(file);
    return bytes;
}

/* Every entry of every fatbin. Returns arithmetic's scale_f32: with n = 0 it is a launch that does nothing. */
static Handle check_entries(const char *folder, const char *entries, int version) {
    char line[512], file[200], kernel[200], last[200] = "", path[1024];
    int kernels = 0, files = 0, most_registers = 0;
    Handle module = NULL, nothing = NULL;
    FILE *list = fopen(entries, "r");
    if (list == NULL) {
        printf("FAILED  %s cannot be read\n", entries);
        exit(1);
    }
    while (fgets(line, sizeof line, list) != NULL) {
        Handle function;
        int value;
        if (sscanf(line, "%199s %199s", file, kernel) != 2) continue;
        file[strcspn(file, ".")] = 0;
        if (strcmp(file, last) != 0) {
            snprintf(path, sizeof path, "%s/%s.fatbin", folder, file);
            char *image = read_file(path);
            double start = seconds();
            check(module_load(&module, image), path);
            if (seconds() - start > 0.5) printf("        %s took %.2f s to load: was it translated?\n", file, seconds() - start);
            free(image);
            strcpy(last, file);
            files++;
        }
        check(module_function(&function, module, kernel), kernel);
        check(function_attribute(&value, BINARY_VERSION, function), kernel);
        if (value != version) problem(kernel, "machine code", value, version);
        check(function_attribute(&value, LOCAL_BYTES, function), kernel);
        if (value != 0) problem(kernel, "local memory in bytes", value, 0);
        check(function_attribute(&value, REGISTERS, function), kernel);
        if (value > most_registers) most_registers = value;
        if (strcmp(kernel, "scale_f32") == 0) nothing = function;
        kernels++;
    }
    fclose(list);
    if (kernels == 0 || nothing == NULL) {
        printf("FAILED  %s lists %d kernels, and scale_f32 must be among them\n", entries, kernels);
        exit(1);
    }
    printf("kernels                %d entries in %d fatbins, at most %d registers\n", kernels, files, most_registers);
    return nothing;
}

static void plant(Handle nothing, Handle stream) {
    DevicePointer small, none = 0;
    float one = 1.0f;
    long long n = 1 << 16;
    void *arguments[] = {&small, &small, &none, &one, &n};
    check(allocate(&small, 256), "cuMemAlloc");
    check(launch(nothing, 1, 1, 1, 256, 1, 1, 0, stream, arguments, NULL), "cuLaunchKernel");
    printf("planted: 2^16 elements in 256 bytes, status %d\n", stream_wait(stream));
}

static void time_launches(Handle nothing, Handle stream) {
    DevicePointer none = 0;
    float one = 1.0f;
    long long n = 0;
    void *arguments[] = {&none, &none, &none, &one, &n};
    double in_row[REPEATS], waited[REPEATS], replayed[REPEATS];
    Handle graph, exec;
    for (int r = 0; r < REPEATS; r++) {
        double start = seconds();
        for (int i = 0; i < LAUNCHES; i++) check(launch(nothing, 1, 1, 1, 256, 1, 1, 0, stream, arguments, NULL), "cuLaunchKernel");
        check(stream_wait(stream), "the launches");
        in_row[r] = (seconds() - start) / LAUNCHES;
        start = seconds();
        for (int i = 0; i < LAUNCHES / 10; i++) {
            check(launch(nothing, 1, 1, 1, 256, 1, 1, 0, stream, arguments, NULL), "cuLaunchKernel");
            check(stream_wait(stream), "a launch");
        }
        waited[r] = (seconds() - start) / (LAUNCHES / 10);
    }
    check(capture_begin(stream, CAPTURE_THREAD_LOCAL), "cuStreamBeginCapture");
    for (int i = 0; i < LAUNCHES; i++) check(launch(nothing, 1, 1, 1, 256, 1, 1, 0, stream, arguments, NULL), "cuLaunchKernel while capturing");
    check(capture_end(stream, &graph), "cuStreamEndCapture");
    check(graph_instantiate(&exec, graph, 0), "cuGraphInstantiateWithFlags");
    check(graph_launch(exec, stream), "cuGraphLaunch");
    check(stream_wait(stream), "the graph");
    for (int r = 0; r < REPEATS; r++) {
        double start = seconds();
        check(graph_launch(exec, stream), "cuGraphLaunch");
        check(stream_wait(stream), "the graph");
        replayed[r] = (seconds() - start) / LAUNCHES;
    }
    printf("empty launch           %.2f us in a row, %.2f us with a wait, %.2f us in a graph of %d\n", 1e6 * median(in_row, REPEATS),
           1e6 * median(waited, REPEATS), 1e6 * median(replayed, REPEATS), LAUNCHES);
}

/* GB/s of `moved` bytes per copy, by events. */
enum Copy { ON_DEVICE, UP, DOWN };
static double copy_rate(enum Copy kind, DevicePointer a, DevicePointer b, void *host, size_t bytes, double moved, Handle stream) {
    Handle before, after;
    double rates[REPEATS];
    check(event_create(&before, 0), "cuEventCreate");
    check(event_create(&after, 0), "cuEventCreate");
    for (int r = -1; r < REPEATS; r++) {
        float ms;
        check(event_record(before, stream), "cuEventRecord");
        check(kind == ON_DEVICE ? copy_device(b, a, bytes, stream) : kind == UP ? copy_up(a, host, bytes, stream) : copy_down(host, a, bytes, stream), "copy");
        check(event_record(after, stream), "cuEventRecord");
        check(stream_wait(stream), "copy");
        check(event_elapsed(&ms, before, after), "cuEventElapsedTime");
        if (r >= 0) rates[r] = ms > 0 ? 1e-6 * moved / ms : 0;
    }
    return median(rates, REPEATS);
}

static void time_copies(size_t memory, Handle stream) {
    size_t most = (size_t)4 << 30, bytes = memory / 16 < most ? memory / 16 : most, host_bytes = bytes < (64u << 20) ? bytes : 64u << 20, small = 4;
    DevicePointer a, b;
    void *locked, *pageable = malloc(host_bytes);
    check(allocate(&a, bytes), "cuMemAlloc");
    check(allocate(&b, bytes), "cuMemAlloc");
    check(allocate_host(&locked, host_bytes, 0), "cuMemHostAlloc");
    if (pageable == NULL) check(2, "malloc");
    memset(pageable, 1, host_bytes);
    memset(locked, 1, host_bytes);
    check(fill(a, 1, bytes, stream), "cuMemsetD8Async");
    check(stream_wait(stream), "fill");
    printf("copy on the device     %.0f GB/s read + written (%zu MiB)\n", copy_rate(ON_DEVICE, a, b, NULL, bytes, 2.0 * bytes, stream), bytes >> 20);
    printf("copy from the host     %.1f GB/s page-locked, %.1f pageable (%zu MiB)\n", copy_rate(UP, a, b, locked, host_bytes, host_bytes, stream),
           copy_rate(UP, a, b, pageable, host_bytes, host_bytes, stream), host_bytes >> 20);
    printf("copy to the host       %.1f GB/s page-locked, %.1f pageable\n", copy_rate(DOWN, a, b, locked, host_bytes, host_bytes, stream),
           copy_rate(DOWN, a, b, pageable, host_bytes, host_bytes, stream));
    for (int kind = 0; kind < 2; kind++) {
        void *host = kind == 0 ? locked : pageable;
        double times[REPEATS];
        for (int r = 0; r < REPEATS; r++) {
            double start = seconds();
            for (int i = 0; i < 100; i++) {
                check(copy_down(host, a, small, stream), "copy of four bytes");
                check(stream_wait(stream), "copy of four bytes");
            }
            times[r] = (seconds() - start) / 100;
        }
        printf("four bytes to the host %.1f us, %s\n", 1e6 * median(times, REPEATS), kind == 0 ? "page-locked" : "pageable");
    }
    check(release(a), "cuMemFree");
    check(release(b), "cuMemFree");
    free(pageable);
}

static void read_energy(void) {
    void *library = dlopen("libnvidia-ml.so.1", RTLD_NOW), *device;
    unsigned long long millijoules;
    int (*nvml_init)(void), (*by_index)(unsigned, void **), (*energy)(void *, unsigned long long *);
    if (library == NULL) {
        printf("energy counter         no NVML\n");
        return;
    }
    *(void **)&nvml_init = dlsym(library, "nvmlInit_v2");
    *(void **)&by_index = dlsym(library, "nvmlDeviceGetHandleByIndex_v2");
    *(void **)&energy = dlsym(library, "nvmlDeviceGetTotalEnergyConsumption");
    if (nvml_init == NULL || by_index == NULL || energy == NULL || nvml_init() != 0 || by_index(0, &device) != 0) {
        printf("energy counter         NVML does not answer\n");
        return;
    }
    int status = energy(device, &millijoules);
    if (status == 0) printf("energy counter         %.1f J\n", 1e-3 * millijoules);
    else printf("energy counter         NVML error %d\n", status);
}

int main(int count, char **arguments) {
    int version, device, major, minor, sms, l2;
    size_t memory;
    char name[128];
    Handle context, stream;
    int planting = count == 4 && strcmp(arguments[3], "plant") == 0;
    if (count != 3 && !planting) {
        fprintf(stderr, "usage: smoke MODULES ENTRIES [plant]\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    open_driver();
    check(init(0), "cuInit");
    check(driver_version(&version), "cuDriverGetVersion");
    check(device_get(&device, 0), "cuDeviceGet");
    check(device_name(name, sizeof name, device), "cuDeviceGetName");
    check(device_attribute(&major, MAJOR, device), "cuDeviceGetAttribute");
    check(device_attribute(&minor, MINOR, device), "cuDeviceGetAttribute");
    check(device_attribute(&sms, SMS, device), "cuDeviceGetAttribute");
    check(device_attribute(&l2, L2_BYTES, device), "cuDeviceGetAttribute");
    check(device_memory(&memory, device), "cuDeviceTotalMem");
    printf("device                 %s, compute capability %d.%d, %d multiprocessors, L2 %d MiB, %zu MiB, driver for CUDA %d.%d\n", name, major, minor, sms,
           l2 >> 20, memory >> 20, version / 1000, version % 1000 / 10);
    check(context_retain(&context, device), "cuDevicePrimaryCtxRetain");
    check(context_set(context), "cuCtxSetCurrent");
    check(stream_create(&stream, 1), "cuStreamCreate");
    Handle nothing = check_entries(arguments[1], arguments[2], 10 * major + minor);
    if (planting) {
        plant(nothing, stream);
        return 0;
    }
    time_launches(nothing, stream);
    time_copies(memory, stream);
    read_energy();
    printf("%s\n", problems == 0 ? "smoke: passed" : "smoke: FAILED");
    return problems == 0 ? 0 : 1;
}
