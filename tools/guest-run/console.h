// What the guest's serial console says, kept for messages.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cg {

class Console {
 public:
  void append(std::string_view bytes);
  // The text of the kernel's panic line, once it is complete.
  std::optional<std::string> panic() const;
  // What guest-init had to say without its port.
  std::optional<std::string> complaint() const;
  // The last lines without escape sequences, each with its newline; "" when nothing was said.
  std::string last(std::size_t lines) const;

 private:
  std::optional<std::string> line_after(std::string_view marker) const;

  std::string text_;  // the newest part, carriage returns removed
};

}  // namespace cg
