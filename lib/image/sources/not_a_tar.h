// What a file is that was given as a tar and is none, for the message that refuses it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace cg::image {

// By a file's first bytes (2 KiB know all): "a tar", "an ext2/3/4 file system", …; "" for anything else.
std::string_view kind_of_file(std::string_view begin);
// "it is a …" with what to do, or "is it a tar?". `fd` may be -1.
std::string what_instead(int fd);
// A tar without entries is a few blocks of zeros. Refused: a file of nothing, or of many zeros, or one that
// only begins with zeros as file systems do. `fd` may be -1: unknown.
Result<void> check_empty_tar(int fd);

}  // namespace cg::image
