// Why a symbol has the value it has, and why a request for another one was not honoured: the reasons with the
// lines of the Kconfig files that make them, and what to set.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kconfig/remedy.h"

namespace cg::kconfig {

enum class ReasonKind {
  honoured,
  unknown_symbol,  // this kernel has no such symbol
  hidden,          // a dependency is not met
  limited,         // to m, by a dependency that is a module
  no_prompt,       // nothing can ask for it: selects and defaults decide
  selected,        // something selects it
  implied,
  by_default,  // its prompt is hidden and its default decides
  choice,      // another member of its choice was taken
  wrong_type,  // m for a bool, text for a number, ...
  no_modules,  // m where modules cannot be loaded
  out_of_range,
  visible,  // nothing stands in its way: the configuration was not made from this request
};
std::string_view reason_name(ReasonKind kind);  // stable, with dashes: "unmet-dependency"

struct Explanation {
  std::string symbol;
  std::string got;  // "n" when absent
  ReasonKind kind = ReasonKind::honoured;
  std::string summary;  // one line: "depends on NET (net/unix/Kconfig:7), and NET is n"
  std::vector<std::string>
      chain;  // the steps below that, each with file:line; two blanks deeper where one follows
  std::vector<Setting> settings;  // what to set, what is depended on first; may be empty
  std::string defined;            // "net/unix/Kconfig:6", several separated by ", "

  std::string remedy() const;  // "CONFIG_NET=y, CONFIG_UNIX=y"
};

// Why `wanted` (a value as in a configuration) is not what `symbol` has.
Explanation explain_request(const Evaluation& evaluation, std::string_view symbol, const std::string& wanted);
// Why `symbol` has its value.
Explanation explain_value(const Evaluation& evaluation, std::string_view symbol);

}  // namespace cg::kconfig
