#include <chrono>

#include "harness.h"

namespace {

std::vector<float> ramp(size_t n, float scale = 1) {
    std::vector<float> v(n);
    for (size_t i = 0; i < n; i++) v[i] = scale * static_cast<float>(static_cast<int>(i * 37 % 101) - 50);
    return v;
}

void expect_near(const std::vector<float>& got, const std::vector<double>& want, double tolerance, const char* what) {
    double worst = 0;
    for (size_t i = 0; i < want.size(); i++) worst = std::fmax(worst, std::isnan(got[i]) ? INFINITY : std::fabs(got[i] - want[i]));
    expect(worst <= tolerance, what, "worst error " + std::to_string(worst), __FILE__, __LINE__);
}

unsigned short to16(float x, bool bf16) {
    if (bf16) {
        unsigned bits;
        memcpy(&bits, &x, 4);
        return static_cast<unsigned short>(bits >> 16);
    }
    _Float16 h = static_cast<_Float16>(x);
    unsigned short bits;
    memcpy(&bits, &h, 2);
    return bits;
}

void elementwise(const Kernels& k) {
    std::vector<float> x = ramp(1000);
    Device<float> dx(x), dy(1000);
    OK(k.launch("scale_f32", {4}, {256}, 0, nullptr, dx.p, dy.p, 1000));
    std::vector<float> y = dy.get();
    for (int i = 0; i < 1000; i++) EXPECT_EQ(y[i], 2 * x[i]);

    Device<unsigned> grid(2 * 3 * 2 * 4 * 2 * 3 + 5);
    OK(cuMemsetD32_v2(grid.p, 0, 5));
    OK(k.launch("grid3", {2, 3, 2}, {4, 2, 3}, 0, nullptr, grid.p, static_cast<unsigned char>(7), 5ull));
    std::vector<unsigned> g = grid.get();
    for (unsigned b = 0; b < 12; b++)
        for (unsigned t = 0; t < 24; t++) EXPECT_EQ(g[5 + b * 24 + t], 7 + 1000 * b + t);
}

void reductions(const Kernels& k) {
    std::vector<float> x = ramp(1024);
    Device<float> dx(x), sums(4), three(12);
    OK(k.launch("block_sums", {4}, {256}, 0, nullptr, dx.p, sums.p));
    OK(k.launch("block_reductions", {4}, {256}, 0, nullptr, dx.p, three.p));
    std::vector<float> s = sums.get(), t = three.get();
    for (int b = 0; b < 4; b++) {
        float sum = 0, high = x[256 * b], low = high;
        for (int i = 0; i < 256; i++) {
            sum += x[256 * b + i];
            high = std::fmax(high, x[256 * b + i]);
            low = std::fmin(low, x[256 * b + i]);
        }
        EXPECT_EQ(s[b], sum); // small integers: any order is exact
        EXPECT_EQ(t[3 * b], sum);
        EXPECT_EQ(t[3 * b + 1], high);
        EXPECT_EQ(t[3 * b + 2], low);
    }
}

void warps(const Kernels& k) {
    Device<int> out(48 * 8), exchanged(64);
    OK(k.launch("warp_tricks", {1}, {48}, 0, nullptr, out.p));
    std::vector<int> o = out.get();
    for (int t = 0; t < 48; t++) {
        int first = t / 32 * 32, lanes = t < 32 ? 32 : 16, lane = t % 32;
        const int* w = &o[8 * t];
        EXPECT_EQ(w[0], first + 3 + (lane < 4 ? first : 0));
        EXPECT_EQ(w[1], lane == 0 ? t : t - 1);
        EXPECT_EQ(w[2], lane % 16 == 15 ? t : t + 1);
        EXPECT_EQ(w[3], first + (lane ^ 5));
        unsigned ballot = 0, match = 0;
        for (int i = 0; i < lanes; i++) {
            if (i % 3 == 0) ballot |= 1u << i;
            if (i % 4 == lane % 4) match |= 1u << i;
        }
        EXPECT_EQ(static_cast<unsigned>(w[4]), ballot);
        EXPECT_EQ(w[5], 3);
        EXPECT_EQ(static_cast<unsigned>(w[6]), match);
        EXPECT_EQ(w[7], 24 + 100 + 1000);
    }
    OK(k.launch("syncwarp_exchange", {1}, {64}, 0, nullptr, exchanged.p));
    std::vector<int> e = exchanged.get();
    for (int t = 0; t < 64; t++) EXPECT_EQ(e[t], (t ^ 3 ^ 1) * (t ^ 3 ^ 1));
}

void atomics(const Kernels& k) {
    std::vector<unsigned> x(2000), expected(17, 0);
    for (int i = 0; i < 2000; i++) {
        x[i] = i * 7 % 31;
        expected[x[i] % 16]++;
        expected[16] = x[i] > expected[16] ? x[i] : expected[16];
    }
    Device<unsigned> dx(x), counts(17), done(1), flag(1);
    Device<float> total(1), parts(10), sum(1);
    Device<int> out(32);
    OK(cuMemsetD32_v2(counts.p, 0, 17));
    OK(cuMemsetD32_v2(total.p, 0, 1));
    OK(cuMemsetD32_v2(done.p, 0, 1));
    OK(cuMemsetD32_v2(flag.p, 0, 1));
    OK(k.launch("histogram", {3}, {128}, 0, nullptr, dx.p, counts.p, total.p, 2000));
    EXPECT(counts.get() == expected);
    EXPECT_EQ(total.get()[0], 2000.0f);
    OK(k.launch("last_block", {10}, {32}, 0, nullptr, parts.p, done.p, sum.p));
    EXPECT_EQ(sum.get()[0], 55.0f);
    OK(k.launch("spin", {1}, {64}, 0, nullptr, flag.p, out.p));
    EXPECT_EQ(out.get()[31], 7);
}

void shared_copies(const Kernels& k) {
    std::vector<float> x = ramp(2 * 4 * 64);
    Device<float> dx(x), dy(x.size()), out(8);
    OK(k.launch("reverse_async", {2}, {64}, 4 * 64 * sizeof(float), nullptr, dx.p, dy.p));
    std::vector<float> y = dy.get();
    for (int i = 0; i < 512; i++) EXPECT_EQ(y[i], x[i / 256 * 256 + 255 - i % 256]);
    OK(k.launch("use_table", {1}, {8}, 0, nullptr, out.p));
    EXPECT_EQ(out.get()[6], 3.0f);
    CUdeviceptr table;
    size_t bytes;
    OK(cuModuleGetGlobal_v2(&table, &bytes, k.module, "table"));
    EXPECT_EQ(bytes, 16u);
    float nine = 9;
    OK(cuMemcpyHtoD_v2(table + 8, &nine, 4));
    OK(k.launch("use_table", {1}, {8}, 0, nullptr, out.p));
    EXPECT_EQ(out.get()[6], 9.0f);
}

void matrices(const Kernels& k) {
    for (bool bf16 : {true, false}) {
        std::vector<unsigned short> a(256), b(128);
        std::vector<float> fa = ramp(256, 0.25f), fb = ramp(128, 0.5f); // exact in both formats
        for (int i = 0; i < 256; i++) a[i] = to16(fa[i], bf16);
        for (int i = 0; i < 128; i++) b[i] = to16(fb[i], bf16);
        Device<unsigned short> da(a), db(b);
        Device<float> dd(128);
        OK(k.launch(bf16 ? "mma_bf16" : "mma_f16", {1}, {32}, 0, nullptr, da.p, db.p, dd.p));
        std::vector<double> want(128);
        for (int i = 0; i < 16; i++)
            for (int j = 0; j < 8; j++)
                for (int l = 0; l < 16; l++) want[i * 8 + j] += static_cast<double>(fa[i * 16 + l]) * fb[l * 8 + j];
        expect_near(dd.get(), want, 1e-3, bf16 ? "mma bf16" : "mma f16");
    }
    std::vector<float> a = ramp(128, 0.3f), b = ramp(64, 0.7f);
    Device<float> da(a), db(b), dd(128);
    OK(k.launch("mma_tf32", {1}, {32}, 0, nullptr, da.p, db.p, dd.p));
    std::vector<double> want(128);
    double largest = 0;
    for (int i = 0; i < 16; i++)
        for (int j = 0; j < 8; j++)
            for (int l = 0; l < 8; l++) {
                want[i * 8 + j] += static_cast<double>(a[i * 8 + l]) * b[l * 8 + j];
                largest = std::fmax(largest, std::fabs(a[i * 8 + l] * b[l * 8 + j]));
            }
    expect_near(dd.get(), want, 8 * largest * 0x1p-10, "mma tf32");
}

void bits(const Kernels& k) {
    Device<unsigned> out(8);
    OK(k.launch("bit_tricks", {1}, {1}, 0, nullptr, out.p));
    std::vector<unsigned> o = out.get();
    EXPECT_EQ(o[0], 0xF000F00Fu);
    EXPECT_EQ(o[1], 0x07050301u);
    EXPECT_EQ(o[2], 0xFF800201u); // bytes 1, 2, 3 and the sign of byte 3
    EXPECT_EQ(o[3], 0x80000000u + 4 + 31 + 4);
    EXPECT_EQ(o[4], 3u);
    EXPECT_EQ(static_cast<int>(o[5]), 10 + 2 * (1 - 1 + 2 + 3));
    EXPECT_EQ(o[6], 2u + 40 + 100);
    EXPECT_EQ(o[7], 0x7FFFFFFFu);
}

void speed(const Kernels& k) {
    Device<float> x(ramp(256, 0));
    OK(k.launch("twenty_barriers", {1}, {256}, 0, nullptr, x.p));
    double best = 1e9;
    for (int round = 0; round < 20; round++) {
        auto start = std::chrono::steady_clock::now();
        OK(k.launch("twenty_barriers", {10}, {256}, 0, nullptr, x.p));
        best = std::fmin(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / 10);
    }
    printf("256 threads, 20 barriers: %.0f us per block\n", best * 1e6);
    EXPECT(best < 1e-3);
}

} // namespace

void test_correct(const std::string& directory, bool checked) {
    Kernels k(directory, "correct");
    elementwise(k);
    reductions(k);
    warps(k);
    atomics(k);
    shared_copies(k);
    matrices(k);
    bits(k);
    std::string report = take_report();
    expect(report.empty(), "correct kernels give no report", report, __FILE__, __LINE__);
    if (!checked) speed(k);
}
