// What lzop packs: an lzop header and blocks of LZO1X, as in kernels with KERNEL_LZO and initrds of their
// time. Ours, because there is no library for it here: liblzo2 is GPL-2-or-later, which an Apache-licensed
// program that is linked statically cannot take, and libarchive starts the program lzop.
#pragma once

#include <memory>

#include "compress/decoder.h"

namespace cg {

std::unique_ptr<Decoder> make_lzop_decoder();

}  // namespace cg
