#include "image/ext2_error.h"

#include <ext2fs/ext2fs.h>

#include <mutex>

namespace cg::image {

std::unexpected<Error> ext2_error(const std::string& what, errcode_t code) {
  static std::once_flag registered;
  std::call_once(registered, initialize_ext2_error_table);
  const bool system_error = code > 0 && code < 1024;
  std::string message = what + ": " + error_message(code);
  return system_error ? cannot(std::move(message)) : refused(std::move(message));
}

}  // namespace cg::image
