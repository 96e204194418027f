// Kernel symbol expressions of the requirement matrix, such as "INET && (IPV6 || !NET_NS)", judged against a
// configuration in which a symbol may also be a module or not mentioned at all.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cg {

// Ordered as "how sure are we that the code is there": && takes the least, || the most.
enum class SymbolState { off, unknown, module, on };

class Expression {
 public:
  using Lookup = std::function<SymbolState(std::string_view symbol)>;

  // Empty text is the expression that always holds and names no symbol.
  static Result<Expression> parse(std::string_view text);

  bool empty() const { return root_ == nullptr; }
  SymbolState evaluate(const Lookup& lookup) const;
  struct Change {
    std::string symbol;
    bool to_on;
    bool operator==(const Change&) const = default;
    std::string text() const;  // "CONFIG_X=y", "CONFIG_Y=n"
  };
  // What to change so that it holds, each symbol once: those that keep it from holding; of alternatives, the
  // first that is unknown, else the first.
  std::vector<Change> changes(const Lookup& lookup) const;
  std::vector<std::string> symbols() const;  // as written, each once
  const std::string& text() const { return text_; }

  struct Node;

 private:
  std::shared_ptr<const Node> root_;
  std::string text_;
};

}  // namespace cg
