// The compressions that a tar or a package may come in. libarchive knows more, but decodes some of them by a
// program that it looks for on PATH, and which one it is the input's first bytes would say.
#pragma once

#include "base/result.h"

struct archive;

namespace cg {

// gzip, bzip2, xz, lzma, zstd and lz4. Cannot: a libarchive that was built without one of them.
Result<void> support_decoders(archive* reader);

}  // namespace cg
