// Unpacks one compressed stream, and knows to the byte where it ends: what follows in an initial RAM disk is
// padding, another stream or a plain archive.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "base/result.h"
#include "compress/codec.h"

namespace cg {

class Decoder {
 public:
  // All of them in this process: none is another program of the machine, which the input would choose.
  static std::unique_ptr<Decoder> make(Codec codec);
  virtual ~Decoder() = default;

  struct Step {
    std::size_t taken = 0;  // from the front of `in`
    std::size_t made = 0;   // at the front of `out`
    bool done = false;      // the stream is complete; what was not taken is not its own
  };
  // `rest` says whether more input can follow `in`. With `out` not empty, a step that takes and makes nothing
  // and is not done wants more input. Refused: damaged or cut short.
  enum class Rest { follows, none };
  virtual Result<Step> step(std::span<const std::byte> in, Rest rest, std::span<std::byte> out) = 0;
};

}  // namespace cg
