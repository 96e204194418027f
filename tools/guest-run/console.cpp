#include "console.h"

#include "base/process.h"
#include "base/text.h"

namespace cg {
namespace {

constexpr std::size_t kept = 64 << 10;

// A panic's call trace is printable text; a guest's own console output may hold anything.
std::string printable(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte == 0x1b && i + 1 < text.size() && text[i + 1] == '[') {
      i += 2;
      while (i < text.size() && (text[i] < 0x40 || text[i] > 0x7e)) ++i;
    } else if (byte == '\n' || byte == '\t' || (byte >= ' ' && byte != 0x7f)) {
      result.push_back(text[i]);
    }
  }
  return result;
}

}  // namespace

void Console::append(std::string_view bytes) {
  for (const char byte : bytes)
    if (byte != '\r') text_.push_back(byte);
  if (text_.size() > 2 * kept) text_.erase(0, text_.size() - kept);
}

std::optional<std::string> Console::line_after(std::string_view marker) const {
  const auto found = text_.rfind(marker);
  if (found == std::string::npos) return std::nullopt;
  const auto end = text_.find('\n', found);
  if (end == std::string::npos) return std::nullopt;
  const auto begin = found + marker.size();
  return printable(trim(std::string_view(text_).substr(begin, end - begin)));
}

std::optional<std::string> Console::panic() const {
  // "---[ end Kernel panic - not syncing: ... ]---" repeats the line at the end of the trace.
  auto line = line_after("Kernel panic - not syncing: ");
  if (line && line->ends_with("]---"))
    line = std::string(trim(std::string_view(*line).substr(0, line->size() - 4)));
  return line;
}

std::optional<std::string> Console::complaint() const {
  return line_after("guest-run: ");
}

std::string Console::last(std::size_t lines) const {
  const std::string text = printable(text_);
  std::string result = last_lines(text, lines);
  return trim(result).empty() ? "" : result;
}

}  // namespace cg
