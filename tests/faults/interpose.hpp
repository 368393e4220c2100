// For system calls that a test defines for the whole program.
#pragma once

#include <dlfcn.h>

#include <cstdlib>

namespace switchboard::test {

// Returns the next definition of the function: that of the sanitizer or of the C library (man 3 dlsym).
template <class Function>
Function* next_definition(const char* name) {
    void* const found = ::dlsym(RTLD_NEXT, name);
    if (found == nullptr) std::abort();
    return reinterpret_cast<Function*>(found);
}

}  // namespace switchboard::test
