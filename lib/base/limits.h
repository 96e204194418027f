// What input may cost. Every reader takes its bounds from here; docs/hostile-input.md has the table, which a
// test compares with these lines.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cg::limits {

inline constexpr std::uint64_t kibibyte = 1ULL << 10;
inline constexpr std::uint64_t mebibyte = 1ULL << 20;
inline constexpr std::uint64_t gibibyte = 1ULL << 30;
inline constexpr std::uint64_t tebibyte = 1ULL << 40;

// Names and paths
inline constexpr unsigned links = 40;                    // symbolic links on one way, in all; as Linux
inline constexpr std::size_t link_bytes = 1 << 16;       // of the targets of those links together
inline constexpr std::size_t name_bytes = 255;           // of one component
inline constexpr std::size_t path_bytes = 16 * kibibyte;  // of a directory, from its tree's root; four times PATH_MAX
inline constexpr std::size_t target_bytes = 4095;        // of a symbolic link
inline constexpr std::size_t program_path_bytes = 4096;  // of a path that a loader looks for; PATH_MAX

// Trees
inline constexpr std::uint64_t entries = 4'000'000;  // names in an EROFS file system or an initrd
inline constexpr std::uint32_t names_of_file = 65000;
inline constexpr std::uint64_t file_bytes = 16 * tebibyte;        // holes counted; the most ext4 holds
inline constexpr std::uint64_t directory_bytes = 64 * mebibyte;   // of one EROFS directory
inline constexpr std::uint64_t attribute_bytes = 256 * mebibyte;  // of all attributes of an EROFS file system

// What is compressed, as it is unpacked
inline constexpr std::uint64_t archive_bytes = gibibyte;  // or archive_ratio times the compressed file
inline constexpr std::uint64_t archive_ratio = 100;
inline constexpr std::uint64_t initrd_least_bytes = 64 * mebibyte;  // or initrd_ratio times the file, ...
inline constexpr std::uint64_t initrd_ratio = 200;
inline constexpr std::uint64_t initrd_most_bytes = 16 * gibibyte;  // ... up to this
inline constexpr std::uint64_t package_bytes = gibibyte;  // of all packages of a recipe's package list

// Documents
inline constexpr std::uint64_t oci_document_bytes = 4 * mebibyte;
inline constexpr int oci_index_depth = 4;
inline constexpr std::size_t image_members = 10'000;               // of an archive of container images
inline constexpr std::uint64_t accounts_bytes = 4 * mebibyte;      // of /etc/passwd, for the names of an ACL
inline constexpr std::uint64_t loader_file_bytes = 64 * kibibyte;  // of one file of /etc/ld.so.conf
inline constexpr std::size_t loader_files = 1000;                  // that it includes, in all
inline constexpr std::size_t loader_directories = 10'000;          // that they name

// Checkpoints
inline constexpr std::size_t checkpoint_files = 1'000'000;                   // of a directory or an archive of images
inline constexpr std::uint64_t checkpoint_image_bytes = 256 * mebibyte;      // of one image that is read
inline constexpr std::uint64_t checkpoint_record_bytes = 32 * mebibyte;      // of a record in it
inline constexpr std::uint64_t checkpoint_bytes = 512 * mebibyte;            // of all that are kept of an archive
inline constexpr std::uint64_t checkpoint_pages = 1ULL << 40;                // in one piece of a page map
inline constexpr unsigned checkpoint_parents = 1000;                         // pre-dumps, one on the other

}  // namespace cg::limits
