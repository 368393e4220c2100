// gzip (RFC 1952) by the streams of a DeflatePool.
#pragma once

#include <memory_resource>
#include <switchboard/bytes.hpp>
#include <switchboard/deflate.hpp>
#include <vector>

namespace switchboard {

// Compresses `in` and appends it to `out` as one gzip file, without a name or a time. The stream goes back to
// the pool. Throws std::bad_alloc. Threading: several threads may use one pool.
void gzip(DeflatePool& pool, Bytes in, std::pmr::vector<std::byte>& out);

}  // namespace switchboard
