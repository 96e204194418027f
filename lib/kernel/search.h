// Looks for something in a kernel, whatever file it comes in: first where it most likely is (the read-only
// data of an ELF file, the payload of a boot image), then everywhere where compressed data seems to begin.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace cg {

class KernelSearch {
 public:
  virtual ~KernelSearch() = default;
  virtual void begin() = 0;  // another place, which does not go on where the last one ended
  virtual bool take(
      std::string_view piece) = 0;  // what comes next there; false: nothing more is wanted of it
  virtual bool found() const = 0;
};

struct SearchedKernel {
  std::string form;  // "vmlinux", "bzImage (zstd)", "compressed image (gzip)", "kernel image", ...
  bool found = false;
};

// Unpacks as a stream and stops when it is found. Refused: a boot image that is cut short, a damaged payload.
Result<SearchedKernel> search_kernel(std::string_view bytes, const std::string& name, KernelSearch& search);

}  // namespace cg
