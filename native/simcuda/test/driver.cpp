// Streams, events, graphs, cuBLAS, and faults on request.
#include <thread>

#include "harness.h"

namespace {

void graphs(const Kernels& k) {
    std::vector<float> x(256, 3), one{1}, zero{0};
    Device<float> dx(x), dy(256), dz(256), product(1);
    CUstream s, side;
    OK(cuStreamCreate(&s, 1));
    OK(cuStreamCreate(&side, 1));
    CUevent fork, join;
    OK(cuEventCreate(&fork, 2));
    OK(cuEventCreate(&join, 2));
    void* blas;
    EXPECT_EQ(cublasCreate_v2(&blas), 0);
    EXPECT_EQ(cublasSetStream_v2(blas, s), 0);
    float alpha = 1, beta = 0;
    float *y = reinterpret_cast<float*>(dy.p), *z = reinterpret_cast<float*>(dz.p), *dot = reinterpret_cast<float*>(product.p);
    OK(cuMemsetD32Async(dy.p, 0, 256, s));
    OK(cuMemsetD32Async(dz.p, 0, 256, s));

    // A product of a shape that has not run before loads its kernel, which ends the capture.
    CUgraph graph;
    OK(cuStreamBeginCapture_v2(s, 0));
    EXPECT_EQ(cublasSgemm_v2(blas, 0, 0, 1, 1, 256, &alpha, y, 1, z, 256, &beta, dot, 1), 13);
    EXPECT_EQ(cuStreamEndCapture(s, &graph), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
    EXPECT_EQ(cublasSgemm_v2(blas, 0, 0, 1, 1, 256, &alpha, y, 1, z, 256, &beta, dot, 1), 0);

    OK(cuStreamBeginCapture_v2(s, 0));
    OK(cuMemsetD32Async(dz.p, 0, 256, s));
    OK(k.launch("scale_f32", {1}, {256}, 0, s, dx.p, dy.p, 256));
    OK(cuEventRecord(fork, s));
    OK(cuStreamWaitEvent(side, fork, 0));
    OK(cuMemcpyDtoDAsync_v2(dz.p, dy.p, 128 * 4, side));
    OK(cuEventRecord(join, side));
    OK(cuStreamWaitEvent(s, join, 0));
    EXPECT_EQ(cublasSgemm_v2(blas, 0, 0, 1, 1, 256, &alpha, y, 1, z, 256, &beta, dot, 1), 0);
    alpha = 100; // captured by value
    OK(cuStreamEndCapture(s, &graph));
    size_t nodes;
    OK(cuGraphGetNodes(graph, nullptr, &nodes));
    EXPECT_EQ(nodes, 4u);
    CUgraphExec exec;
    OK(cuGraphInstantiateWithFlags(&exec, graph, 0));
    OK(cuGraphDestroy(graph));
    OK(cuGraphLaunch(exec, s));
    OK(cuStreamSynchronize(s));
    EXPECT_EQ(dz.get()[127], 6.0f);
    EXPECT_EQ(dz.get()[128], 0.0f);
    EXPECT_EQ(product.get()[0], 128 * 36.0f);
    OK(cuMemsetD32_v2(dx.p, 0x3F800000, 256));
    OK(cuGraphLaunch(exec, s));
    EXPECT_EQ(product.get()[0], 128 * 4.0f);
    OK(cuGraphExecDestroy(exec));

    // What CUDA forbids while a stream captures.
    OK(cuStreamBeginCapture_v2(s, 0));
    CUdeviceptr p;
    EXPECT_EQ(cuMemAlloc_v2(&p, 16), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    EXPECT_EQ(cuStreamEndCapture(s, &graph), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
    OK(cuStreamBeginCapture_v2(s, 0));
    EXPECT_EQ(cuStreamSynchronize(s), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    EXPECT_EQ(cuStreamEndCapture(s, &graph), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
    OK(cuStreamBeginCapture_v2(s, 0));
    OK(cuEventRecord(fork, s));
    OK(cuStreamWaitEvent(side, fork, 0));
    OK(cuMemsetD32Async(dz.p, 0, 256, side));
    EXPECT_EQ(cuStreamEndCapture(s, &graph), CUDA_ERROR_STREAM_CAPTURE_UNJOINED);
    EXPECT_EQ(cublasDestroy_v2(blas), 0);
    OK(cuStreamDestroy_v2(side));
    OK(cuStreamDestroy_v2(s));
    EXPECT_EQ(cuStreamSynchronize(s), CUDA_ERROR_INVALID_HANDLE);
}

void blas() {
    void* h;
    EXPECT_EQ(cublasCreate_v2(&h), 0);
    int m = 5, n = 4, k = 3;
    std::vector<float> a(m * k), b(k * n), c(m * n, NAN);
    for (int i = 0; i < m * k; i++) a[i] = i % 7 - 3;
    for (int i = 0; i < k * n; i++) b[i] = i % 5 - 2;
    Device<float> da(a), db(b), dc(c), dy(m), dx(std::vector<float>{1, 9, 2, 9, 3});
    float alpha = 2, beta = 0;
    auto f = [](CUdeviceptr p) { return reinterpret_cast<float*>(p); };
    for (int ta = 0; ta < 2; ta++)
        for (int tb = 0; tb < 2; tb++) {
            EXPECT_EQ(cublasSgemm_v2(h, ta, tb, m, n, k, &alpha, f(da.p), ta ? k : m, f(db.p), tb ? n : k, &beta, f(dc.p), m), 0);
            std::vector<float> got = dc.get();
            for (int i = 0; i < m; i++)
                for (int j = 0; j < n; j++) {
                    float want = 0;
                    for (int l = 0; l < k; l++) want += 2 * (ta ? a[i * k + l] : a[l * m + i]) * (tb ? b[l * n + j] : b[j * k + l]);
                    EXPECT_EQ(got[j * m + i], want);
                }
        }
    EXPECT_EQ(cublasSgemv_v2(h, 0, m, k, &alpha, f(da.p), m, f(dx.p), 2, &beta, f(dy.p), 1), 0);
    EXPECT_EQ(dy.get()[1], 2 * (a[1] + 2 * a[m + 1] + 3 * a[2 * m + 1]));
    // bf16 in, fp32 out: 1.5 * 2 summed twice
    std::vector<unsigned short> half(2, 0x3FC0), two(2, 0x4000);
    Device<unsigned short> dh(half), dt(two);
    Device<float> one(1);
    alpha = 1;
    EXPECT_EQ(cublasGemmEx(h, 0, 0, 1, 1, 2, &alpha, f(dh.p), 14, 1, f(dt.p), 14, 2, &beta, f(one.p), 0, 1, 68, -1), 0);
    EXPECT_EQ(one.get()[0], 6.0f);
    // Too small an output: caught.
    EXPECT_EQ(cublasSgemm_v2(h, 0, 0, m, n, k, &alpha, f(da.p), m, f(db.p), k, &beta, f(dy.p), m), 13);
    EXPECT(take_report().find("cublasSgemm touches 80 bytes") != std::string::npos);
    EXPECT_EQ(cublasDestroy_v2(h), 0);
}

void control(const std::string& directory, const std::string& text) {
    std::ofstream out(directory + "/control.next");
    out << text;
    out.close();
    rename((directory + "/control.next").c_str(), (directory + "/control.txt").c_str());
}

void faults(const std::string& directory, const Kernels& k) {
    CUdeviceptr p, q;
    control(directory, "fail_alloc=2\n");
    OK(cuMemAlloc_v2(&p, 100));
    EXPECT_EQ(cuMemAlloc_v2(&q, 100), CUDA_ERROR_OUT_OF_MEMORY);
    OK(cuMemAlloc_v2(&q, 100));
    OK(cuMemFree_v2(q));
    control(directory, "fail_launch=1\n");
    EXPECT_EQ(k.launch("use_table", {1}, {8}, 0, nullptr, p), CUDA_ERROR_LAUNCH_FAILED);
    OK(k.launch("use_table", {1}, {8}, 0, nullptr, p));
    control(directory, "fail_module=200\n");
    CUmodule module;
    char log[8] = "before";
    int options[] = {5, 6};
    void* values[] = {log, reinterpret_cast<void*>(sizeof log)};
    EXPECT_EQ(cuModuleLoadDataEx(&module, "", 2, options, values), CUDA_ERROR_INVALID_IMAGE);
    EXPECT(std::string(log) == "asked t");
    EXPECT(take_report().find("asked to fail") != std::string::npos);
    control(directory, "no_cublas=1\nfail_alloc=1+\n");
    void* h;
    EXPECT_EQ(cublasCreate_v2(&h), 1);
    EXPECT_EQ(cuMemAlloc_v2(&q, 100), CUDA_ERROR_OUT_OF_MEMORY);
    EXPECT_EQ(cuMemAlloc_v2(&q, 100), CUDA_ERROR_OUT_OF_MEMORY);
    control(directory, "\n");
    OK(cuMemAlloc_v2(&q, 100));
    OK(cuMemFree_v2(p));
    OK(cuMemFree_v2(q));
    EXPECT_EQ(cuMemFree_v2(q), CUDA_ERROR_INVALID_VALUE);
    EXPECT_EQ(cuMemAlloc_v2(&q, 5ull << 30), CUDA_ERROR_OUT_OF_MEMORY);
    EXPECT(take_report().find("freed allocation") != std::string::npos);
}

void misuse(const Kernels& k) {
    Device<float> x(256), sums(1);
    CUdeviceptr p;
    char byte = 0;
    EXPECT_EQ(k.launch("block_sums", {1}, {512}, 0, nullptr, x.p, sums.p), CUDA_ERROR_INVALID_VALUE);
    EXPECT(take_report().find("__launch_bounds__(256)") != std::string::npos);
    int bytes;
    OK(cuFuncGetAttribute(&bytes, 1, k.function("block_sums")));
    EXPECT_EQ(bytes, 1024);
    EXPECT_EQ(k.launch("use_table", {1}, {1025}, 0, nullptr, x.p), CUDA_ERROR_INVALID_VALUE);
    EXPECT_EQ(k.launch("reverse_async", {1}, {64}, 64 << 10, nullptr, x.p, x.p), CUDA_ERROR_INVALID_VALUE);
    OK(cuFuncSetAttribute(k.function("reverse_async"), 8, 64 << 10));
    EXPECT_EQ(cuModuleGetFunction(nullptr, k.module, "absent"), CUDA_ERROR_NOT_FOUND);
    EXPECT_EQ(cuMemcpyHtoD_v2(x.p + 1020, &byte, 8), CUDA_ERROR_INVALID_VALUE);
    take_report();
    std::thread([&] { EXPECT_EQ(cuMemAlloc_v2(&p, 16), CUDA_ERROR_INVALID_CONTEXT); }).join();
    CUmodule m;
    EXPECT_EQ(cuModuleLoadData(&m, "not a module"), CUDA_ERROR_INVALID_IMAGE);
    take_report();
}

} // namespace

void test_driver(const std::string& directory) {
    Kernels k(directory + "/modules", "correct");
    graphs(k);
    blas();
    faults(directory, k);
    misuse(k);
}
