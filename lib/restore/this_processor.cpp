#include "restore/this_processor.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace cg::restore {

std::optional<checkpoint::Processor> this_processor() {
#if defined(__x86_64__)
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE)) return std::nullopt;
  constexpr unsigned state_leaf = 0xd;
  if (!__get_cpuid_count(state_leaf, 0, &a, &b, &c, &d)) return std::nullopt;
  checkpoint::Processor processor;
  processor.state_components = a | std::uint64_t{d} << 32;
  processor.state_size = b;
  processor.state_size_most = c;
  return processor;
#else
  return std::nullopt;
#endif
}

}  // namespace cg::restore
