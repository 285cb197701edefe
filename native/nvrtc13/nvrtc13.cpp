// Forwards what JNvrtc imports from the names and versions of libnvrtc.so.12 to libnvrtc.so.13. Between the two versions neither the parameters nor the numbers of
// the enumerations have changed; what 13 no longer has (NVVM) answers with an error.
#include <dlfcn.h>

#include <cstddef>

namespace {

void* library() {
    static void* handle = dlopen("libnvrtc.so.13", RTLD_LAZY | RTLD_LOCAL);
    return handle;
}

constexpr int kInternalError = 11;

} // namespace

#define FORWARD(name, parameters, arguments)                                               \
    extern "C" int name parameters {                                                       \
        static auto target = reinterpret_cast<int(*) parameters>(dlsym(library(), #name)); \
        return target == nullptr ? kInternalError : target arguments;                      \
    }
#define FORWARD_SIZE(name) FORWARD(name, (void* program, size_t* size), (program, size))
#define FORWARD_TEXT(name) FORWARD(name, (void* program, char* text), (program, text))

FORWARD(nvrtcVersion, (int* major, int* minor), (major, minor))
FORWARD(nvrtcGetNumSupportedArchs, (int* count), (count))
FORWARD(nvrtcGetSupportedArchs, (int* architectures), (architectures))
FORWARD(nvrtcCreateProgram,
        (void** program, const char* source, const char* name, int headers, const char* const* texts, const char* const* names),
        (program, source, name, headers, texts, names))
FORWARD(nvrtcDestroyProgram, (void** program), (program))
FORWARD(nvrtcCompileProgram, (void* program, int count, const char* const* options), (program, count, options))
FORWARD_SIZE(nvrtcGetPTXSize)
FORWARD_TEXT(nvrtcGetPTX)
FORWARD_SIZE(nvrtcGetCUBINSize)
FORWARD_TEXT(nvrtcGetCUBIN)
FORWARD_SIZE(nvrtcGetNVVMSize)
FORWARD_TEXT(nvrtcGetNVVM)
FORWARD_SIZE(nvrtcGetLTOIRSize)
FORWARD_TEXT(nvrtcGetLTOIR)
FORWARD_SIZE(nvrtcGetOptiXIRSize)
FORWARD_TEXT(nvrtcGetOptiXIR)
FORWARD_SIZE(nvrtcGetProgramLogSize)
FORWARD_TEXT(nvrtcGetProgramLog)
FORWARD(nvrtcAddNameExpression, (void* program, const char* expression), (program, expression))
FORWARD(nvrtcGetLoweredName, (void* program, const char* expression, const char** lowered), (program, expression, lowered))

extern "C" const char* nvrtcGetErrorString(int result) {
    static auto target = reinterpret_cast<const char* (*)(int)>(dlsym(library(), "nvrtcGetErrorString"));
    return target == nullptr ? "NVRTC_ERROR unknown" : target(result);
}

// Java loads this library before JNvrtc touches it: a refusal here becomes an UnsatisfiedLinkError there, which says what to do.
extern "C" int JNI_OnLoad(void*, void*) {
    constexpr int kJni18 = 0x00010008, kError = -1;
    return library() == nullptr ? kError : kJni18;
}
