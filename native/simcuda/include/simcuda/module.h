/* Included after the .cu file by the generated glue: turns the list of kernel names into the table that the driver reads. */
#ifndef SIMCUDA_MODULE_H
#define SIMCUDA_MODULE_H

#include "runtime.h"

#undef __shared__ /* the probe below is the simulator's own variable */

template <auto Function> struct SimEntry;

template <class... A, void (*Function)(A...)>
struct SimEntry<Function> {
    static constexpr int count = sizeof...(A);
    struct Layout {
        int sizes[count + 1] = {};
        int offsets[count + 1] = {};
        constexpr Layout() {
            int size[] = {(int)sizeof(A)..., 0}, align[] = {(int)alignof(A)..., 1}, at = 0;
            for (int i = 0; i < count; i++) {
                at = (at + align[i] - 1) / align[i] * align[i];
                sizes[i] = size[i];
                offsets[i] = at;
                at += size[i];
            }
            offsets[count] = at;
        }
    };
    static constexpr Layout layout{};

    template <int... I> struct Index {};
    template <int N, int... I> struct MakeIndex : MakeIndex<N - 1, N - 1, I...> {};
    template <int... I> struct MakeIndex<0, I...> { using type = Index<I...>; };

    template <int... I>
    __attribute__((no_sanitize("thread"))) static void call(const char* params, Index<I...>) {
        Function(*reinterpret_cast<const A*>(params + layout.offsets[I])...);
    }
    __attribute__((no_sanitize("thread"))) static void invoke(const char* params) {
        call(params, typename MakeIndex<count>::type{});
    }
};

#define SIMCUDA_ENTRY(NAME, BOUND) \
    { #NAME, SimEntry<&NAME>::invoke, SimEntry<&NAME>::count, SimEntry<&NAME>::layout.sizes, SimEntry<&NAME>::layout.offsets, BOUND }

static thread_local long simcuda_shared_anchor;
static void* simcuda_shared_probe() { return &simcuda_shared_anchor; }

#endif
