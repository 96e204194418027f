// $(...) in Kconfig files: variables, user-defined functions and the built-in ones
// (Documentation/kbuild/kconfig-macro-language.rst).
//
// Nothing is run. A text that needs $(shell,...) stays opaque: whether the compiler knows an option is
// something that only the resolved configuration can tell (see Evaluation).
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace cg::kconfig {

class Macros {
 public:
  using Variables = std::map<std::string, std::string, std::less<>>;
  explicit Macros(Variables environment) : environment_(std::move(environment)) {}

  struct Text {
    std::string text;
    bool opaque = false;  // then `text` is as it was written
  };
  // Expands every $(...) of `text`.
  Text expand(std::string_view text) const;

  enum class Assignment { recursive, simple, append };  // =, :=, +=
  void assign(std::string_view name, Assignment how, std::string_view value);

  // The length of the "$(...)" that `text` begins with; 0 when its parentheses do not match.
  static std::size_t reference_length(std::string_view text);

 private:
  struct Variable {
    std::string value;
    bool opaque = false;
    bool recursive = true;
  };
  struct Expansion;
  void expand_into(Expansion& expansion, std::string_view text, const std::vector<std::string>& arguments,
                   int depth) const;
  void call(Expansion& expansion, std::string_view inner, const std::vector<std::string>& arguments,
            int depth) const;

  Variables environment_;
  std::map<std::string, Variable, std::less<>> variables_;
};

}  // namespace cg::kconfig
