// What the checked build of a kernel tells us about every load and store, and what we conclude from it.
#pragma once

#include "block.h"
#include "memory.h"

namespace sim {

// kVolatileRead: a deliberate unordered read (a flag, the first read of a CAS loop): never a race by itself.
enum class Access { kRead, kWrite, kAtomic, kVolatileRead };

// Called before the access. Unsafe ones never return: the launch is abandoned.
void check_access(const void* address, size_t bytes, Access kind, const void* pc);

// cp.async writes its target at some time between issue and wait: until then it is in nobody's hands.
void check_async_target(const void* shared, size_t bytes, const void* pc);

void begin_block_checks(Worker& w);
void order_at_barrier(Worker& w);
void order_at_syncwarp(Thread* first_of_warp, unsigned lanes);
bool launch_is_checked(const Launch& launch);

// Races (races.cpp). Returns a description of the earlier conflicting access, or an empty string; then records this one.
std::string race(Worker& w, Cell* cell, Access kind, bool shared);

} // namespace sim
