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
  // What to change so that it holds: "CONFIG_X=y" and "CONFIG_Y=n" lines; of alternatives, the first
  // that is unknown, else the first.
  std::vector<std::string> remedies(const Lookup& lookup) const;
  // The symbols that keep the expression from holding.
  std::vector<std::string> culprits(const Lookup& lookup) const;
  std::vector<std::string> symbols() const;  // as written, each once
  const std::string& text() const { return text_; }

  struct Node;

 private:
  std::shared_ptr<const Node> root_;
  std::string text_;
};

}  // namespace cg
