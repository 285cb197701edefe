// Device memory: one reserved range of host addresses, so that a device pointer is a plain pointer for the kernels, with shadow
// memory beside it: one state byte per byte, and for the race checker one cell per byte, touched only when a checked kernel runs.
#pragma once

#include <deque>
#include <map>
#include <string>

#include "api.h"

namespace sim {

constexpr size_t kArenaBytes = 16ull << 30;    // addresses; four times what the device claims to have, so that freed ones rest a while
constexpr size_t kDeviceBytes = 4ull << 30;
constexpr size_t kRedZone = 1024;              // either side of an allocation
constexpr size_t kAlignment = 256;
constexpr unsigned char kRedByte = 0xA5;

enum ByteState : unsigned char { kNone = 0, kAllocated = 1, kInitialised = 2 };

struct Cell {
    uint64_t write, read; // see races.cpp
};

struct Allocation {
    size_t bytes;
    uint64_t number; // counts allocations from 1: names them in reports
    CUcontext owner;
};

struct Freed {
    char* start;
    Allocation allocation;
};

class Memory {
public:
    Memory();
    CUresult allocate(size_t bytes, CUcontext owner, char** p);
    CUresult release(char* p);
    void release_all(CUcontext owner);
    size_t used() const { return used_; }
    bool in_arena(const void* p) const { return p >= base_ && p < base_ + kArenaBytes; }
    unsigned char* state(const void* p) const { return state_ + (static_cast<const char*>(p) - base_); }
    Cell* cell(const void* p) const { return cells_ + (static_cast<const char*>(p) - base_); }
    // The live allocation that holds p, or end.
    std::map<char*, Allocation>::const_iterator find(const void* p) const;
    const std::map<char*, Allocation>& live() const { return live_; }
    // "4 bytes after allocation #3 (0x..., 400 bytes)", "inside freed allocation #2 ...", "not device memory"
    std::string describe(const void* p) const;
    // Empty, or what is wrong with the red zones of this allocation.
    std::string damaged(char* start, const Allocation& a);

    // Host memory that kernels may use: pinned or registered.
    std::map<char*, size_t> host;
    bool in_host(const void* p, size_t bytes) const;

private:
    char* place(size_t bytes);
    char* base_;
    unsigned char* state_;
    Cell* cells_;
    char* cursor_; // next fit: so a freed range is reused as late as possible, and use after free is seen
    size_t used_ = 0;
    uint64_t count_ = 0;
    std::map<char*, Allocation> live_;
    std::deque<Freed> freed_;
};

Memory& memory();

} // namespace sim
