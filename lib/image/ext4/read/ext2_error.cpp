#include "image/ext4/read/ext2_error.h"

#include <ext2fs/ext2fs.h>

#include <algorithm>
#include <iterator>
#include <mutex>

namespace cg::image {

std::unexpected<Error> ext2_error(const std::string& what, errcode_t code) {
  static std::once_flag registered;
  std::call_once(registered, initialize_ext2_error_table);
  // libext2fs has words of its own for a read or write that failed, and then not the system's reason.
  static constexpr errcode_t io_errors[] = {
      EXT2_ET_BLOCK_BITMAP_WRITE, EXT2_ET_BLOCK_BITMAP_READ, EXT2_ET_INODE_BITMAP_WRITE,
      EXT2_ET_INODE_BITMAP_READ,  EXT2_ET_INODE_TABLE_WRITE, EXT2_ET_INODE_TABLE_READ,
      EXT2_ET_GDESC_WRITE,        EXT2_ET_GDESC_READ,        EXT2_ET_SHORT_WRITE,
      EXT2_ET_NEXT_INODE_READ,    EXT2_ET_NO_MEMORY};
  const bool system_error =
      (code > 0 && code < 1024) || std::ranges::find(io_errors, code) != std::end(io_errors);
  std::string message = what + ": " + error_message(code);
  return system_error ? cannot(std::move(message)) : refused(std::move(message));
}

}  // namespace cg::image
