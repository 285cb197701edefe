// run DIRECTORY: DIRECTORY holds modules/ and modules-checked/.
#include "harness.h"

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    std::string directory = argv[1];
    setenv("SIMCUDA_REPORT", (directory + "/report.txt").c_str(), 1);
    setenv("SIMCUDA_CONTROL", (directory + "/control.txt").c_str(), 1);
    remove((directory + "/control.txt").c_str());
    remove((directory + "/report.txt").c_str());
    CUcontext context;
    size_t size;
    EXPECT_EQ(cuMemGetInfo_v2(&size, &size), CUDA_ERROR_NOT_INITIALIZED);
    OK(cuInit(0));
    EXPECT_EQ(cuMemGetInfo_v2(&size, &size), CUDA_ERROR_INVALID_CONTEXT);
    OK(cuDevicePrimaryCtxRetain(&context, 0));
    OK(cuCtxSetCurrent(context));
    // Checked kernels first: a plain kernel's writes are not tracked, which ends the search for uninitialised reads.
    test_correct(directory + "/modules-checked", true);
    test_broken(directory + "/modules", directory + "/modules-checked");
    test_correct(directory + "/modules", false);
    test_driver(directory);
    printf("%d checks, %d failed\n", checks, failures);
    return failures == 0 ? 0 : 1;
}
