// Small text helpers that messages and parsers share.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cg {

// Lines without their "\n" or "\r\n"; no empty line after a final newline.
std::vector<std::string_view> split_lines(std::string_view text);
std::string_view trim(std::string_view text);
std::vector<std::string> split(std::string_view text, char separator);
// The words as a POSIX shell takes them: quoted where needed.
std::string shell_words(const std::vector<std::string>& words);
std::string join(const std::vector<std::string>& parts, std::string_view separator);

// `candidates` sorted by edit distance to `word`, at most `most` of them, only plausible ones
// (distance <= 1 + length/3).
std::vector<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates,
                                 std::size_t most = 3);
// "; did you mean a, b?" or "".
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

// The length of the UTF-8 sequence that `text` begins with; 0 when it is none (RFC 3629).
std::size_t utf8_length(std::string_view text);
void append_utf8(std::string& text, std::uint32_t code);  // `code` is a Unicode scalar value

std::string human_size(std::uint64_t bytes);  // "4.7 MB" (powers of 1000), "812 B"
std::string human_seconds(double seconds);    // "0.42 s", "12.3 s", "3 min 05 s"

}  // namespace cg
