// Stands in for NVRTC 13: "compiles" by answering with the options and the source, so that a test sees that each argument arrives.
#include <cstring>
#include <string>

namespace {

struct Program {
    std::string source, name, log, code;
};

int write(const std::string& text, char* out) {
    memcpy(out, text.c_str(), text.size() + 1);
    return 0;
}

} // namespace

extern "C" {
int nvrtcVersion(int* major, int* minor) {
    *major = 13;
    *minor = 0;
    return 0;
}
const char* nvrtcGetErrorString(int result) { return result == 6 ? "NVRTC_ERROR_COMPILATION" : "NVRTC_SUCCESS"; }
int nvrtcGetNumSupportedArchs(int* count) {
    *count = 2;
    return 0;
}
int nvrtcGetSupportedArchs(int* architectures) {
    architectures[0] = 80;
    architectures[1] = 90;
    return 0;
}
int nvrtcCreateProgram(Program** program, const char* source, const char* name, int, const char* const*, const char* const*) {
    *program = new Program{source, name, "", ""};
    return 0;
}
int nvrtcDestroyProgram(Program** program) {
    delete *program;
    *program = nullptr;
    return 0;
}
int nvrtcCompileProgram(Program* program, int count, const char* const* options) {
    for (int i = 0; i < count; i++) {
        program->code += std::string(options[i]) + "\n";
        if (strcmp(options[i], "-DFAIL=1") == 0) {
            program->log = program->name + "(1): error: told to fail";
            return 6;
        }
    }
    program->code += program->source;
    return 0;
}
int nvrtcGetPTXSize(Program* program, size_t* size) {
    *size = program->code.size() + 1;
    return 0;
}
int nvrtcGetPTX(Program* program, char* out) { return write(program->code, out); }
int nvrtcGetCUBINSize(Program* program, size_t* size) {
    *size = program->code.size() + 1;
    return 0;
}
int nvrtcGetCUBIN(Program* program, char* out) { return write(program->code, out); }
int nvrtcGetProgramLogSize(Program* program, size_t* size) {
    *size = program->log.size() + 1;
    return 0;
}
int nvrtcGetProgramLog(Program* program, char* out) { return write(program->log, out); }
}
