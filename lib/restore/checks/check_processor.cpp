// The architecture, and what --cpu-cap has CRIU compare.
#include <fmt/format.h>

#include <algorithm>

#include "restore/checks/checks.h"

namespace cg::restore {

void check_processor(const View& view, Findings& found) {
  const checkpoint::Checkpoint& images = view.checkpoint;
  const std::string architecture = images.architecture();
  if (!architecture.empty() && !view.place.architecture.empty() && architecture != view.place.architecture)
    found.add({"architecture"}, fmt::format("{}, here it is {}", architecture, view.place.architecture),
              {{"number", std::to_string(images.root().machine)}, {"architecture", architecture}});
  if (!view.options.compares_processor) return;
  if (!images.processor) {
    if (!images.foreign_processor) found.add({"no-cpuinfo"}, "there is no cpuinfo.img");
    return;
  }
  if (!view.place.processor) {
    found.unseen("the processor; name it with --cpu");
    return;
  }
  const checkpoint::Processor& then = *images.processor;
  const checkpoint::Processor& now = *view.place.processor;
  if (view.options.compares_state && then.state_components && now.state_components) {
    const std::uint64_t lacks = *then.state_components & ~*now.state_components;
    if (lacks != 0) {
      const std::string bits = fmt::format("{:#x}", lacks);
      found.add({"processor-state"}, bits, {{"bits", bits}});
    } else if (then.state_size && now.state_size && *then.state_size != *now.state_size) {
      found.add({"processor-size"}, fmt::format("{} bytes, here {}", *then.state_size, *now.state_size),
                {{"size", std::to_string(*then.state_size)}, {"found", std::to_string(*now.state_size)}});
    }
  }
  if (!view.options.compares_instructions) return;
  for (std::size_t word = 0; word < std::min(then.words.size(), now.words.size()); ++word)
    if (const std::uint32_t lacks = then.words[word] & ~now.words[word]; lacks != 0) {
      found.add({"processor-instructions"}, fmt::format("word {}: {:#x}", word, lacks));
      return;
    }
}

}  // namespace cg::restore
