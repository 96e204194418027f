#include "image/ext4/read/ext2_io.h"

#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <vector>

#include "image/ext4/read/ext2_error.h"

namespace cg::image {
namespace {

Device& device_of(io_channel channel) {
  return *static_cast<Device*>(channel->private_data);
}

std::size_t byte_count(io_channel channel, int count) {
  return count < 0 ? static_cast<std::size_t>(-static_cast<std::int64_t>(count))
                   : static_cast<std::size_t>(count) * static_cast<std::size_t>(channel->block_size);
}

errcode_t open_channel(const char* name, int, io_channel* channel) {
  std::uintptr_t address = 0;
  const std::string_view text(name);
  std::from_chars(text.data(), text.data() + text.size(), address, 16);
  if (address == 0) return EINVAL;
  io_channel made = nullptr;
  if (const errcode_t code = ext2fs_get_memzero(sizeof(struct_io_channel), &made)) return code;
  made->magic = EXT2_ET_MAGIC_IO_CHANNEL;
  made->manager = device_io_manager();
  made->block_size = 1024;
  made->refcount = 1;
  made->flags = CHANNEL_FLAGS_WRITETHROUGH;
  made->private_data = reinterpret_cast<void*>(address);
  if (const errcode_t code = ext2fs_get_memzero(text.size() + 1, &made->name)) {
    ext2fs_free_mem(&made);
    return code;
  }
  std::memcpy(made->name, text.data(), text.size());
  *channel = made;
  return 0;
}

errcode_t close_channel(io_channel channel) {
  if (--channel->refcount > 0) return 0;
  ext2fs_free_mem(&channel->name);
  ext2fs_free_mem(&channel);
  return 0;
}

errcode_t set_block_size(io_channel channel, int size) {
  channel->block_size = size;
  return 0;
}

errcode_t read_blocks(io_channel channel, unsigned long long block, int count, void* data) {
  const std::uint64_t offset = block * static_cast<std::uint64_t>(channel->block_size);
  const std::span bytes(static_cast<std::byte*>(data), byte_count(channel, count));
  Device& device = device_of(channel);
  if (offset <= device.size() && bytes.size() <= device.size() - offset) return device.get(offset, bytes);
  // As with a file that ends there.
  const std::size_t there = offset < device.size() ? device.size() - offset : 0;
  std::memset(bytes.data(), 0, bytes.size());
  if (there > 0)
    if (const int error = device.get(offset, bytes.first(there))) return error;
  return EXT2_ET_SHORT_READ;
}

errcode_t write_blocks(io_channel channel, unsigned long long block, int count, const void* data) {
  return device_of(channel).put(block * static_cast<std::uint64_t>(channel->block_size),
                                {static_cast<const std::byte*>(data), byte_count(channel, count)});
}

errcode_t read_blocks_32(io_channel channel, unsigned long block, int count, void* data) {
  return read_blocks(channel, block, count, data);
}
errcode_t write_blocks_32(io_channel channel, unsigned long block, int count, const void* data) {
  return write_blocks(channel, block, count, data);
}

errcode_t write_bytes(io_channel channel, unsigned long offset, int count, const void* data) {
  return device_of(channel).put(offset,
                                {static_cast<const std::byte*>(data), static_cast<std::size_t>(count)});
}

errcode_t flush_channel(io_channel) {
  return 0;
}

errcode_t zero_out(io_channel channel, unsigned long long block, unsigned long long count) {
  const std::vector<std::byte> zeros(static_cast<std::size_t>(channel->block_size));
  for (unsigned long long i = 0; i < count; ++i)
    if (const errcode_t code = write_blocks(channel, block + i, 1, zeros.data())) return code;
  return 0;
}

Result<void> check_length(const Device& device, std::uint64_t blocks, std::uint64_t block_bytes) {
  if (blocks <= device.size() / block_bytes) return {};
  return refused(fmt::format(
      "{}: its file system has {} blocks of {} bytes, but only {} bytes are there; the file was cut "
      "short, or its superblock is damaged",
      device.name(), blocks, block_bytes, device.size()));
}

// libext2fs believes it, and reads bitmaps past the memory that it took for them.
Result<void> check_first_block(const Device& device, const ext2_super_block& super) {
  const bool small = super.s_log_block_size == 0;
  const bool clusters = (super.s_feature_ro_compat & EXT4_FEATURE_RO_COMPAT_BIGALLOC) != 0;
  if (super.s_first_data_block == (small ? 1U : 0U) || (clusters && super.s_first_data_block == 0)) return {};
  return refused(
      fmt::format("{}: its file system begins at block {}, where none can; its superblock is damaged",
                  device.name(), super.s_first_data_block));
}

}  // namespace

io_manager device_io_manager() {
  static struct_io_manager manager = [] {
    struct_io_manager made{};
    made.magic = EXT2_ET_MAGIC_IO_MANAGER;
    made.name = "device";
    made.open = open_channel;
    made.close = close_channel;
    made.set_blksize = set_block_size;
    made.read_blk = read_blocks_32;
    made.write_blk = write_blocks_32;
    made.flush = flush_channel;
    made.write_byte = write_bytes;
    made.read_blk64 = read_blocks;
    made.write_blk64 = write_blocks;
    made.zeroout = zero_out;
    return made;
  }();
  return &manager;
}

std::string device_io_name(Device& device) {
  return fmt::format("{:x}", reinterpret_cast<std::uintptr_t>(&device));
}

Result<Filesystem> open_ext(Device& device, int flags) {
  // Before libext2fs takes memory for as many groups as the superblock claims.
  ext2_super_block super{};
  if (device.size() >= SUPERBLOCK_OFFSET + sizeof super) {
    CG_CHECK(device.read(SUPERBLOCK_OFFSET, std::as_writable_bytes(std::span(&super, 1))));
    if (super.s_magic == EXT2_SUPER_MAGIC && super.s_log_block_size <= 6) {
      CG_CHECK(check_length(device, ext2fs_blocks_count(&super),
                            std::uint64_t{EXT2_MIN_BLOCK_SIZE} << super.s_log_block_size));
      CG_CHECK(check_first_block(device, super));
    }
  }
  ext2_filsys raw = nullptr;
  const errcode_t code = ext2fs_open2(device_io_name(device).c_str(), nullptr, flags | EXT2_FLAG_64BITS, 0, 0,
                                      device_io_manager(), &raw);
  if (code == EXT2_ET_BAD_MAGIC || code == EXT2_ET_SHORT_READ)
    return refused(device.name() + ": not an ext2, ext3 or ext4 file system");
  if (code == EXT2_ET_UNSUPP_FEATURE || code == EXT2_ET_RO_UNSUPP_FEATURE)
    return refused(device.name() +
                   ": has file-system features that this libext2fs does not know; it is left alone");
  if (code) return ext2_error(device.name(), code);
  Filesystem fs(raw);
  CG_CHECK(check_length(device, ext2fs_blocks_count(fs->super), fs->blocksize));
  return fs;
}

}  // namespace cg::image
