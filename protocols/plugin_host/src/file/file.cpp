#include "file/file.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <switchboard/file.hpp>
#include <vector>

namespace switchboard::plugin_host {
namespace {

// The header of a 64-bit ELF file, and one of its program headers: elf(5).
struct ElfHeader {
    std::array<unsigned char, 16> identity;  // magic number, class, byte order, ...
    std::uint16_t type, machine;
    std::uint32_t version;
    std::uint64_t entry, program_headers, section_headers;
    std::uint32_t flags;
    std::uint16_t size, program_header_size, program_header_count;
    std::uint16_t section_header_size, section_header_count, names;
};
struct ProgramHeader {
    std::uint32_t type, flags;
    std::uint64_t offset, address, physical, file_size, memory_size, alignment;
};
static_assert(sizeof(ElfHeader) == 64 && sizeof(ProgramHeader) == 56);
constexpr std::uint16_t kSharedObject = 3;
constexpr std::uint32_t kLoaded = 1;    // PT_LOAD
constexpr std::size_t kMagicSize = 4;   // 0x7f "ELF"
constexpr std::size_t kFormatSize = 6;  // also class and byte order

// Fills `to` from `offset` on; false if the file is shorter.
template <class T>
bool read_all(const File& file, std::uint64_t offset, std::span<T> to) {
    MutableBytes rest = std::as_writable_bytes(to);
    while (!rest.empty()) {
        const auto got = file.read(offset, rest);
        if (!got || *got == 0) return false;
        offset += *got;
        rest = rest.subspan(*got);
    }
    return true;
}

bool read_header(const File& file, ElfHeader& to) {
    return read_all(file, 0, std::span(&to, 1));
}

std::string truncated(std::uint64_t size, std::uint64_t needed) {
    return "it is truncated: it has " + std::to_string(size) + " of at least " +
           std::to_string(needed) + " bytes";
}

// The addresses from the first to the last byte that is loaded, in whole pages.
std::uint64_t mapped_by(const std::vector<ProgramHeader>& segments) {
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    std::uint64_t first = UINT64_MAX, end = 0;
    for (const ProgramHeader& segment : segments) {
        if (segment.type != kLoaded) continue;
        first = std::min(first, segment.address / page * page);
        end = std::max(end, (segment.address + segment.memory_size + page - 1) / page * page);
    }
    return end > first ? end - first : 0;
}

// Returns what is wrong with a file of this size; empty: nothing. Then `mapped` is set.
std::string problem_of_segments(const File& file, const ElfHeader& header, std::uint64_t size,
                                std::uint64_t& mapped) {
    if (header.program_header_size != sizeof(ProgramHeader)) return "its ELF header is damaged";
    std::vector<ProgramHeader> segments(header.program_header_count);
    if (!read_all(file, header.program_headers, std::span(segments)))
        return "it is truncated: its program headers are missing";
    for (const ProgramHeader& segment : segments) {
        const std::uint64_t end = segment.offset + segment.file_size;
        if (end < segment.offset) return "its program headers are damaged";
        if (end > size) return truncated(size, end);
    }
    mapped = mapped_by(segments);
    // The section headers are the end of most files. They are not mapped, but show that the file is whole.
    const std::uint64_t sections =
        std::uint64_t{header.section_header_size} * header.section_header_count;
    const std::uint64_t end = header.section_headers + sections;
    if (end < sections) return "its section headers are damaged";
    return end > size ? truncated(size, end) : std::string();
}

std::string problem_of(const File& file, std::uint64_t size, std::uint64_t& mapped) {
    // A system whose own programs are no 64-bit ELF files has other shared objects, and checks them itself.
    const auto own = File::open("/proc/self/exe");
    ElfHeader program{};
    constexpr std::array<unsigned char, 5> kElf64 = {0x7f, 'E', 'L', 'F', 2};
    if (!own || !read_header(**own, program)) return {};
    if (std::memcmp(program.identity.data(), kElf64.data(), kElf64.size()) != 0) return {};

    ElfHeader header{};
    if (!read_header(file, header) ||
        std::memcmp(header.identity.data(), program.identity.data(), kMagicSize) != 0)
        return "it is not a shared object: it has no ELF header";
    if (std::memcmp(header.identity.data(), program.identity.data(), kFormatSize) != 0 ||
        header.machine != program.machine)
        return "it is for another kind of machine";
    if (header.type != kSharedObject) return "it is not a shared object, but another ELF file";
    return problem_of_segments(file, header, size, mapped);
}

// macOS has another name for the time.
template <class Status>
timespec modified_of(const Status& status) {
    if constexpr (requires { status.st_mtim; }) {
        return status.st_mtim;
    } else {
        return status.st_mtimespec;
    }
}

FileIdentity identity_of(const struct stat& status) noexcept {
    return {.device = status.st_dev,
            .inode = status.st_ino,
            .size = status.st_size,
            .modified = modified_of(status)};
}

}  // namespace

Result<FileIdentity> check_file(const std::string& path) {
    // Opening something else, such as a pipe, must not block.
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return fail_errno(path);
    const File file(fd);
    struct stat found {};
    if (::fstat(fd, &found) != 0) return fail_errno(path);
    if (!S_ISREG(found.st_mode)) return fail(errc::plugin_refused, path + ": it is not a file");
    FileIdentity identity = identity_of(found);
    const std::string problem =
        problem_of(file, static_cast<std::uint64_t>(found.st_size), identity.mapped);
    if (!problem.empty()) return fail(errc::plugin_refused, path + ": " + problem);
    return identity;
}

bool is_still(const std::string& path, const FileIdentity& file) noexcept {
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0) return false;
    const FileIdentity now = identity_of(found);
    return now.same_file(file) && now.same_content(file);
}

}  // namespace switchboard::plugin_host
