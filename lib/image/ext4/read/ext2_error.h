// libext2fs's error numbers as Errors.
#pragma once

#include <ext2fs/ext2fs.h>

#include <string>

#include "base/result.h"

namespace cg::image {

// "<what>: <libext2fs's or the system's words>"; refused when the file system is at fault, cannot when the
// machine is.
std::unexpected<Error> ext2_error(const std::string& what, errcode_t code);

// CG_EXT2(what, call): returns the error of a libext2fs call.
#define CG_EXT2(what, call)                                                                \
  do {                                                                                     \
    if (const errcode_t cg_code_ = (call)) return ::cg::image::ext2_error(what, cg_code_); \
  } while (false)

}  // namespace cg::image
