#include "launch.h"

#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <pthread.h>
#include <time.h>

#include "checker.h"

namespace sim {

namespace {

bool plain_kernel_ran = false;
uint32_t next_serial = 1;

// Blocks run on threads of our own, never on the caller's: a JVM thread's stack is the JVM's business.
class Team {
public:
    void run(Launch& launch, int wanted) {
        while (size_ < wanted) start();
        std::unique_lock<std::mutex> guard(lock_);
        launch_ = &launch;
        wanted_ = running_ = wanted;
        generation_++;
        wake_.notify_all();
        done_.wait(guard, [&] { return running_ == 0; });
    }

private:
    struct Member {
        Team* team;
        int number;
    };

    void start() {
        pthread_attr_t attributes;
        pthread_attr_init(&attributes);
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        pthread_t thread;
        auto* member = new Member{this, size_++};
        if (pthread_create(&thread, &attributes, [](void* m) -> void* {
                Member member = *static_cast<Member*>(m);
                member.team->serve(member.number);
                return nullptr;
            }, member) != 0)
            abort();
        pthread_attr_destroy(&attributes);
    }

    void serve(int number) {
        Worker* w = new Worker;
        uint64_t seen = 0;
        for (;;) {
            Launch* launch;
            {
                std::unique_lock<std::mutex> guard(lock_);
                wake_.wait(guard, [&] { return generation_ != seen && running_ > 0 && number < wanted_; });
                seen = generation_;
                launch = launch_;
            }
            w->run(*launch);
            std::lock_guard<std::mutex> guard(lock_);
            if (--running_ == 0) done_.notify_one();
        }
    }

    std::mutex lock_;
    std::condition_variable wake_, done_;
    Launch* launch_ = nullptr;
    int size_ = 0, wanted_ = 0, running_ = 0;
    uint64_t generation_ = 0;
};

int64_t deadline() {
    const char* text = getenv("SIMCUDA_TIMEOUT");
    int64_t seconds = text != nullptr ? atoll(text) : 120;
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (t.tv_sec + seconds) * 1000000000ll + t.tv_nsec;
}

int threads_for(const Launch& launch) {
    const char* text = getenv("SIMCUDA_THREADS");
    // One thread makes the checker's findings the same in every run.
    int wanted = text != nullptr ? atoi(text) : launch_is_checked(launch) ? 1 : 2;
    if (wanted > 2) wanted = 2;
    if (wanted < 1 || launch.block_count == 1) wanted = 1;
    return wanted;
}

// A plain kernel is seen only by what it did to the red zones of the allocations that it was given.
void check_red_zones(Launch& launch) {
    Memory& m = memory();
    for (int i = 0; i < launch.kernel->parameter_count; i++) {
        if (launch.kernel->sizes[i] != 8) continue;
        void* p;
        memcpy(&p, launch.params.data() + launch.kernel->offsets[i], sizeof p);
        if (!m.in_arena(p)) continue;
        auto it = m.find(p);
        if (it == m.live().end()) continue;
        std::string damage = m.damaged(it->first, it->second);
        if (!damage.empty())
            add_report(launch, {CUDA_ERROR_ILLEGAL_ADDRESS, std::string("out of bounds: kernel ") + launch.kernel->name + ": " + damage, nullptr});
    }
}

} // namespace

bool untracked_writes() { return plain_kernel_ran; }

CUresult run_launch(const LaunchRequest& request) {
    static Team& team = *new Team;
    Launch launch;
    launch.kernel = request.kernel;
    launch.module = request.module;
    launch.params = request.params;
    launch.grid = request.grid;
    launch.block = request.block;
    launch.dynamic_shared = request.dynamic_shared;
    launch.block_count = static_cast<uint64_t>(request.grid.x) * request.grid.y * request.grid.z;
    if (launch.block_count > UINT32_MAX / 2) return CUDA_ERROR_INVALID_VALUE; // no test waits for that many
    if (next_serial > UINT32_MAX - launch.block_count) next_serial = 1;
    launch.first_serial = next_serial;
    next_serial += static_cast<uint32_t>(launch.block_count);
    launch.deadline_ns = deadline();
    bool checked = launch_is_checked(launch);
    if (!checked) plain_kernel_ran = true;
    team.run(launch, threads_for(launch));
    if (!checked) check_red_zones(launch);
    write_reports(launch);
    CUresult result = CUDA_SUCCESS;
    for (const Report& r : launch.reports) {
        // Races and uninitialised reads let the kernel run on, but the launch has failed all the same.
        CUresult code = r.code != CUDA_SUCCESS ? r.code : CUDA_ERROR_LAUNCH_FAILED;
        if (result == CUDA_SUCCESS) result = code;
    }
    return result;
}

} // namespace sim
