// Kconfig text: read, evaluated over a configuration that has every other symbol, and every symbol explained.
#include <cstddef>
#include <cstdint>
#include <string>

#include "fuzz/require.h"
#include "kconfig/explain.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto tree =
      cg::kconfig::parse_tree({{"Kconfig", std::string(reinterpret_cast<const char*>(data), size)}});
  if (!tree) {
    cg::fuzz::require(!tree.error().message.empty(), "an error without a message");
    return 0;
  }
  cg::KernelConfig config;
  bool on = false;
  for (const auto& symbol : tree->symbols)
    if ((on = !on) && !symbol.constant) config.values[symbol.name] = {"y", "f", 1};
  const cg::kconfig::Evaluation evaluation(*tree, config);
  int left = 30;
  for (const auto& name : tree->defined_names()) {
    if (left-- == 0) break;
    cg::fuzz::require(!cg::kconfig::explain_value(evaluation, name).summary.empty(), "no reason for a value");
    for (const char* wanted : {"y", "n"})
      cg::fuzz::require(!cg::kconfig::explain_request(evaluation, name, wanted).summary.empty(),
                        "no reason for a request");
  }
  return 0;
}
