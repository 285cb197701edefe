#include "memory.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>

namespace sim {

namespace {
constexpr size_t kPoisonLimit = 256 << 20; // larger allocations are filled this far only: writing gigabytes would slow the tests
constexpr size_t kFreedRemembered = 4096;

void* reserve(size_t bytes) {
    void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) {
        perror("simcuda: cannot reserve address space for device memory (is ulimit -v set?)");
        abort();
    }
    return p;
}

// Gives whole pages back to the system; they read as zero afterwards. The edges are cleared by hand.
void discard(char* p, size_t bytes) {
    constexpr size_t page = 4096;
    char* from = reinterpret_cast<char*>((reinterpret_cast<size_t>(p) + page - 1) / page * page);
    char* to = reinterpret_cast<char*>(reinterpret_cast<size_t>(p + bytes) / page * page);
    if (from >= to) {
        memset(p, 0, bytes);
        return;
    }
    memset(p, 0, from - p);
    madvise(from, to - from, MADV_DONTNEED);
    memset(to, 0, p + bytes - to);
}

size_t rounded(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

std::string named(const char* start, const Allocation& a) {
    char text[96];
    snprintf(text, sizeof text, "allocation #%llu (%p, %zu bytes)", static_cast<unsigned long long>(a.number), static_cast<const void*>(start), a.bytes);
    return text;
}
} // namespace

Memory& memory() {
    static Memory& instance = *new Memory; // never destroyed: the JVM's last threads may still call in
    return instance;
}

Memory::Memory()
    : base_(static_cast<char*>(reserve(kArenaBytes))), state_(static_cast<unsigned char*>(reserve(kArenaBytes))),
      cells_(static_cast<Cell*>(reserve(kArenaBytes * sizeof(Cell)))), cursor_(base_) {}

// First gap at or after the cursor, once round. A gap is what lies between two allocations and their red zones.
char* Memory::place(size_t bytes) {
    size_t need = rounded(bytes) + 2 * kRedZone;
    for (int round = 0; round < 2; round++) {
        char* at = cursor_;
        auto next = live_.lower_bound(at);
        if (next != live_.begin()) {
            auto before = std::prev(next);
            char* end = before->first + rounded(before->second.bytes) + kRedZone;
            if (end > at) at = end;
        }
        for (;; ++next) {
            char* limit = next == live_.end() ? base_ + kArenaBytes : next->first - kRedZone;
            if (limit - at >= static_cast<ptrdiff_t>(need)) {
                cursor_ = at + need;
                return at + kRedZone;
            }
            if (next == live_.end()) break;
            at = next->first + rounded(next->second.bytes) + kRedZone;
        }
        cursor_ = base_;
    }
    return nullptr;
}

CUresult Memory::allocate(size_t bytes, CUcontext owner, char** p) {
    if (bytes == 0) return CUDA_ERROR_INVALID_VALUE;
    if (bytes > kDeviceBytes - used_) return CUDA_ERROR_OUT_OF_MEMORY;
    char* start = place(bytes);
    if (start == nullptr) return CUDA_ERROR_OUT_OF_MEMORY;
    live_[start] = {bytes, ++count_, owner};
    used_ += rounded(bytes);
    memset(start - kRedZone, kRedByte, kRedZone);
    memset(start, 0xFF, bytes < kPoisonLimit ? bytes : kPoisonLimit);
    memset(start + bytes, kRedByte, rounded(bytes) - bytes + kRedZone);
    memset(state(start), kAllocated, bytes);
    *p = start;
    return CUDA_SUCCESS;
}

CUresult Memory::release(char* p) {
    auto it = live_.find(p);
    if (it == live_.end()) return CUDA_ERROR_INVALID_VALUE;
    size_t bytes = it->second.bytes;
    used_ -= rounded(bytes);
    discard(p, bytes);
    discard(reinterpret_cast<char*>(state(p)), bytes);
    discard(reinterpret_cast<char*>(cell(p)), bytes * sizeof(Cell));
    memset(p, 0xFF, bytes < 4096 ? bytes : 4096); // a plain build that reads freed memory should not find plausible zeros at its start
    freed_.push_back({p, it->second});
    if (freed_.size() > kFreedRemembered) freed_.pop_front();
    live_.erase(it);
    return CUDA_SUCCESS;
}

void Memory::release_all(CUcontext owner) {
    for (auto it = live_.begin(); it != live_.end();) {
        char* p = it->first;
        bool mine = (it++)->second.owner == owner;
        if (mine) release(p);
    }
}

std::map<char*, Allocation>::const_iterator Memory::find(const void* address) const {
    char* p = static_cast<char*>(const_cast<void*>(address));
    auto it = live_.upper_bound(p);
    if (it == live_.begin()) return live_.end();
    --it;
    return p < it->first + it->second.bytes ? it : live_.end();
}

bool Memory::in_host(const void* address, size_t bytes) const {
    char* p = static_cast<char*>(const_cast<void*>(address));
    auto it = host.upper_bound(p);
    if (it == host.begin()) return false;
    --it;
    return p + bytes <= it->first + it->second;
}

std::string Memory::describe(const void* address) const {
    char* p = static_cast<char*>(const_cast<void*>(address));
    if (!in_arena(p)) return "not device memory";
    auto inside = find(p);
    if (inside != live_.end()) return "offset " + std::to_string(p - inside->first) + " of " + named(inside->first, inside->second);
    for (auto f = freed_.rbegin(); f != freed_.rend(); ++f)
        if (p >= f->start && p < f->start + f->allocation.bytes)
            return "offset " + std::to_string(p - f->start) + " of freed " + named(f->start, f->allocation);
    auto after = live_.upper_bound(p);
    constexpr ptrdiff_t near = 1 << 20;
    std::string best;
    ptrdiff_t distance = near;
    if (after != live_.end() && after->first - p < distance) {
        distance = after->first - p;
        best = std::to_string(distance) + " bytes before " + named(after->first, after->second);
    }
    if (after != live_.begin()) {
        auto before = std::prev(after);
        ptrdiff_t beyond = p - (before->first + before->second.bytes);
        if (beyond < distance) best = std::to_string(beyond) + " bytes after the end of " + named(before->first, before->second);
    }
    return best.empty() ? "device address space without an allocation" : best;
}

std::string Memory::damaged(char* start, const Allocation& a) {
    auto scan = [&](char* from, size_t bytes) -> char* {
        for (size_t i = 0; i < bytes; i++)
            if (static_cast<unsigned char>(from[i]) != kRedByte) return from + i;
        return nullptr;
    };
    size_t tail = rounded(a.bytes) - a.bytes + kRedZone;
    char* hit = scan(start - kRedZone, kRedZone);
    std::string where;
    if (hit != nullptr)
        where = std::to_string(start - hit) + " bytes before ";
    else if ((hit = scan(start + a.bytes, tail)) != nullptr)
        where = std::to_string(hit - (start + a.bytes)) + " bytes after the end of ";
    else
        return "";
    memset(start - kRedZone, kRedByte, kRedZone); // reported once
    memset(start + a.bytes, kRedByte, tail);
    return "red zone overwritten " + where + named(start, a);
}

} // namespace sim
