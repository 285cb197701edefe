#include "harness.h"

namespace {

// The launch failed with `code`, and the report names the kernel and every one of `words`.
void caught(CUresult got, CUresult code, const std::string& kernel, std::vector<std::string> words) {
    std::string report = take_report();
    expect(got == code, kernel.c_str(), "returned " + std::to_string(got) + ", not " + std::to_string(code) + "; report: " + report, __FILE__, __LINE__);
    words.push_back("kernel " + kernel);
    for (const std::string& w : words)
        expect(report.find(w) != std::string::npos, kernel.c_str(), "report lacks '" + w + "': " + report, __FILE__, __LINE__);
    int one = 1;
    Device<int> alive(std::vector<int>{one}); // the simulator goes on where a real context would be lost
    EXPECT_EQ(alive.get()[0], one);
}

void bounds(const Kernels& k) {
    Device<float> x(std::vector<float>(64, 1)), y(64);
    caught(k.launch("out_of_bounds_write", {2}, {32}, 0, nullptr, y.p, 5), CUDA_ERROR_ILLEGAL_ADDRESS, "out_of_bounds_write",
           {"out of bounds: 4-byte write", "block (1,0,0), thread (31,0,0)", "0 bytes after the end of allocation", "256 bytes", "broken.cu:5"});
    caught(k.launch("out_of_bounds_read", {1}, {32}, 0, nullptr, x.p, y.p), CUDA_ERROR_ILLEGAL_ADDRESS, "out_of_bounds_read",
           {"out of bounds: 4-byte read", "thread (0,0,0)", "4 bytes before allocation"});
    caught(k.launch("far_write", {1}, {1}, 0, nullptr, y.p), CUDA_ERROR_ILLEGAL_ADDRESS, "far_write", {"out of bounds"});
    caught(k.launch("null_write", {1}, {1}, 0, nullptr, CUdeviceptr(0)), CUDA_ERROR_ILLEGAL_ADDRESS, "null_write", {"not device memory"});
    int host = 0;
    caught(k.launch("null_write", {1}, {1}, 0, nullptr, &host), CUDA_ERROR_ILLEGAL_ADDRESS, "null_write", {"not device memory"});
    CUdeviceptr freed;
    {
        Device<float> z(64);
        freed = z.p;
    }
    caught(k.launch("store1", {1}, {32}, 0, nullptr, freed), CUDA_ERROR_ILLEGAL_ADDRESS, "store1", {"use of freed memory", "freed allocation"});
    caught(k.launch("misaligned", {1}, {1}, 0, nullptr, x.p, y.p), CUDA_ERROR_MISALIGNED_ADDRESS, "misaligned", {"misaligned access", "16-byte alignment", "cuda.cuh"});
    caught(k.launch("shared_overrun", {1}, {64}, 256, nullptr, y.p), CUDA_ERROR_ILLEGAL_ADDRESS, "shared_overrun", {"byte 256 of 256 of dynamic shared memory"});
    caught(k.launch("static_overrun", {1}, {32}, 0, nullptr, y.p, 1), CUDA_ERROR_ILLEGAL_ADDRESS, "static_overrun", {"array index out of bounds: [32]"});
}

void barriers(const Kernels& k) {
    Device<int> y(64);
    caught(k.launch("barrier_in_branch", {1}, {64}, 0, nullptr, y.p), CUDA_ERROR_LAUNCH_FAILED, "barrier_in_branch",
           {"divergent barrier", "threads 0..39 wait at __syncthreads", "24 of 64 have finished", "broken.cu:"});
    caught(k.launch("two_barriers", {1}, {64}, 0, nullptr, y.p), CUDA_ERROR_LAUNCH_FAILED, "two_barriers", {"divergent barrier"});
    caught(k.launch("shuffle_in_branch", {1}, {32}, 0, nullptr, y.p), CUDA_ERROR_LAUNCH_FAILED, "shuffle_in_branch", {"mask 0xffffffff", "shuffle"});
    caught(k.launch("not_in_mask", {1}, {32}, 0, nullptr, y.p), CUDA_ERROR_LAUNCH_FAILED, "not_in_mask", {"not in its own mask"});
}

void races(const Kernels& k) {
    Device<int> y(256);
    caught(k.launch("race_write_read", {1}, {64}, 0, nullptr, y.p), CUDA_ERROR_LAUNCH_FAILED, "race_write_read", {"shared-memory race", "byte", "tile"});
    caught(k.launch("race_lockstep", {1}, {32}, 0, nullptr, y.p), CUDA_ERROR_LAUNCH_FAILED, "race_lockstep", {"shared-memory race"});
    caught(k.launch("race_write_write", {1}, {64}, 256, nullptr, y.p), CUDA_ERROR_LAUNCH_FAILED, "race_write_write",
           {"shared-memory race: 4-byte write", "a write by thread 0", "dynamic shared memory"});
    caught(k.launch("race_read_write", {1}, {64}, 0, nullptr, y.p), CUDA_ERROR_LAUNCH_FAILED, "race_read_write", {"shared-memory race: 4-byte write", "a read by thread"});
    caught(k.launch("race_global", {2}, {1}, 0, nullptr, y.p), CUDA_ERROR_LAUNCH_FAILED, "race_global", {"global-memory race", "another block (block number 0"});
    caught(k.launch("race_global_read", {2}, {32}, 0, nullptr, y.p), CUDA_ERROR_LAUNCH_FAILED, "race_global_read", {"global-memory race: 4-byte read"});
}

void values(const Kernels& k) {
    Device<float> fresh(64), x(std::vector<float>(128, 1)), y(64);
    caught(k.launch("copy1", {1}, {32}, 0, nullptr, fresh.p, y.p), CUDA_ERROR_LAUNCH_FAILED, "copy1", {"uninitialised read", "offset 0 of allocation"});
    caught(k.launch("uninitialised_shared", {1}, {64}, 0, nullptr, y.p), CUDA_ERROR_LAUNCH_FAILED, "uninitialised_shared", {"uninitialised read", "thread (32,0,0)"});
    caught(k.launch("forgotten_wait", {1}, {32}, 0, nullptr, x.p, y.p), CUDA_ERROR_LAUNCH_FAILED, "forgotten_wait", {"uninitialised read"});
    caught(k.launch("big_shift", {1}, {32}, 0, nullptr, y.p), CUDA_ERROR_LAUNCH_FAILED, "big_shift", {"shift", "thread (31,0,0)"});
    caught(k.launch("divide", {1}, {1}, 0, nullptr, y.p, 0), CUDA_ERROR_LAUNCH_FAILED, "divide", {"division by zero"});
}

void plain(const Kernels& k) {
    Device<int> y(64);
    Device<unsigned> flag(std::vector<unsigned>{0});
    caught(k.launch("barrier_in_branch", {1}, {64}, 0, nullptr, y.p), CUDA_ERROR_LAUNCH_FAILED, "barrier_in_branch", {"divergent barrier"});
    caught(k.launch("out_of_bounds_write", {2}, {32}, 0, nullptr, y.p, 5), CUDA_ERROR_ILLEGAL_ADDRESS, "out_of_bounds_write",
           {"red zone overwritten 0 bytes after the end of allocation"});
    setenv("SIMCUDA_TIMEOUT", "1", 1);
    caught(k.launch("endless", {1}, {1}, 0, nullptr, flag.p), CUDA_ERROR_LAUNCH_TIMEOUT, "endless", {"SIMCUDA_TIMEOUT"});
    unsetenv("SIMCUDA_TIMEOUT");
}

} // namespace

void test_broken(const std::string& plain_directory, const std::string& checked_directory) {
    fprintf(stderr, "---- the reports that follow are wanted\n");
    {
        Kernels k(checked_directory, "broken");
        bounds(k);
        barriers(k);
        races(k);
        values(k);
    }
    Kernels k(plain_directory, "broken");
    plain(k);
    fprintf(stderr, "---- end of the wanted reports\n");
}
