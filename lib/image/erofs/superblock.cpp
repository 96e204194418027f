#include "image/erofs/superblock.h"

#include <ext2fs/ext2fs.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "image/disk/uuid.h"

namespace cg::image {
namespace {

constexpr std::uint64_t superblock_at = 1024;

struct [[gnu::packed]] Superblock {
  std::uint32_t magic;
  std::uint32_t sum;
  std::uint32_t compatible;
  std::uint8_t block_bits;
  std::uint8_t slots;
  std::uint16_t root;
  std::uint64_t inodes;
  std::uint64_t build_time;
  std::uint32_t build_nanoseconds;
  std::uint32_t blocks;
  std::uint32_t inode_block;
  std::uint32_t attribute_block;
  std::uint8_t uuid[16];
  char label[16];
  std::uint32_t incompatible;
  std::uint8_t more[44];
};
static_assert(sizeof(Superblock) == 128);

constexpr const char* compatible_names[] = {"sb_csum", "mtime", "xattr_filter"};
constexpr const char* incompatible_names[] = {"0padding",     "big_pcluster", "chunked_file",  "device_table",
                                              "ztailpacking", "fragments",    "xattr_prefixes"};
// Of newer kernels: what they change in inodes is not read here. The kernel refuses what it does not know,
// too.
constexpr const char* unread_names[] = {"48bit", "metabox"};
constexpr std::uint32_t read_bits = (1U << std::size(incompatible_names)) - 1;

template <std::size_t n>
void add_names(std::uint32_t bits, const char* const (&names)[n], std::vector<std::string>& to) {
  for (std::uint32_t bit = 0; bit < 32; ++bit)
    if (bits >> bit & 1) to.push_back(bit < n ? names[bit] : fmt::format("feature_{}", bit));
}

}  // namespace

Result<ErofsInfo> read_erofs_superblock(Device& file_system) {
  const std::string& name = file_system.name();
  if (file_system.size() < superblock_at + sizeof(Superblock))
    return refused(name + ": too small for an EROFS file system");
  Superblock super;
  CG_CHECK(file_system.read(superblock_at, std::as_writable_bytes(std::span(&super, 1))));
  if (super.magic != 0xe0f5e1e2) return refused(name + ": not an EROFS file system");
  if (super.block_bits < 9 || super.block_bits > 16)
    return refused(fmt::format("{}: an EROFS file system with blocks of 2^{} bytes", name, super.block_bits));
  ErofsInfo info{.block_size = 1U << super.block_bits,
                 .blocks = super.blocks,
                 .inodes = super.inodes,
                 .root = super.root,
                 .build_time = static_cast<std::int64_t>(super.build_time)};
  info.inodes_at = std::uint64_t{super.inode_block} << super.block_bits;
  info.attributes_at = std::uint64_t{super.attribute_block} << super.block_bits;
  Uuid uuid{};
  std::copy_n(super.uuid, uuid.size(), uuid.begin());
  info.uuid = to_string(uuid);
  info.label.assign(super.label, strnlen(super.label, sizeof super.label));
  if (const std::uint32_t unread = super.incompatible & ~read_bits) {
    const auto bit = static_cast<std::size_t>(std::countr_zero(unread)) - std::size(incompatible_names);
    return refused(fmt::format(
        "{}: an EROFS file system with the incompatible feature {}, which is not read here", name,
        bit < std::size(unread_names) ? unread_names[bit] : fmt::format("{:#x}", unread & -unread)));
  }
  add_names(super.compatible, compatible_names, info.features);
  add_names(super.incompatible, incompatible_names, info.features);
  if (super.compatible & 1) {
    // Over the rest of its block, with the field itself zero.
    std::vector<std::byte> block(std::max<std::uint64_t>(info.block_size, superblock_at + sizeof super) -
                                 superblock_at);
    if (file_system.size() < superblock_at + block.size())
      return refused(name + ": an EROFS file system that is cut short");
    CG_CHECK(file_system.read(superblock_at, block));
    std::memset(block.data() + offsetof(Superblock, sum), 0, sizeof super.sum);
    info.checksum_ok = ext2fs_crc32c_le(~0U, reinterpret_cast<const unsigned char*>(block.data()),
                                        block.size()) == super.sum;
  }
  return info;
}

}  // namespace cg::image
