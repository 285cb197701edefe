// Kernel modules and launches: from a function handle and packed parameters to finished blocks and reports.
#pragma once

#include <memory>

#include "block.h"

namespace sim {

constexpr int kMaxReports = 4; // per launch: the first says what is wrong, a few more show the pattern

struct Module {
    void* handle; // dlopen's
    std::string path;
    const SimModuleTable* table;
    char *image_begin, *image_end;
};

// Opens the shared object beside a module image, or says why not.
CUresult open_module(const void* image, Module** module, std::string* why);
void close_module(Module* module);
void* module_symbol(const Module& m, const char* name, size_t* bytes);

// The calling OS thread's copy of the module's __shared__ variables.
void* shared_segment(const Module& m, size_t* bytes);
bool in_image(const Module& m, const void* p);
std::string symbol_at(const Module& m, const void* p);

int add_report(Launch& launch, Report report); // returns how many there are now
// Writes to stderr and to the file named by SIMCUDA_REPORT.
void write_report(const std::string& text);
void write_reports(const Launch& launch); // with source lines
bool untracked_writes(); // a plain kernel has run: what memory it initialised is not known

struct LaunchRequest {
    const SimKernel* kernel;
    Module* module;
    std::vector<char> params;
    dim3 grid, block;
    size_t dynamic_shared;
};

// Runs it to the end. The caller holds the driver's lock: there is one launch at a time.
CUresult run_launch(const LaunchRequest& request);

} // namespace sim
