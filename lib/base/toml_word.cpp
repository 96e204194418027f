// The values of TOML that are one word: numbers, dates and times, true and false.
#include <algorithm>
#include <array>
#include <charconv>

#include "base/toml_document.h"

namespace cg {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_hexadecimal(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// Takes words off the front of a text.
class Words {
 public:
  explicit Words(std::string_view text) : rest_(text) {}
  bool done() const { return rest_.empty(); }
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool take_any(std::string_view letters) {
    if (rest_.empty() || !letters.contains(rest_[0])) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // Exactly two (or so) digits, whose number lies in a range.
  bool number(std::size_t digits, int least, int most, int& value) {
    if (rest_.size() < digits || !std::ranges::all_of(rest_.substr(0, digits), is_digit)) return false;
    std::from_chars(rest_.data(), rest_.data() + digits, value);
    rest_.remove_prefix(digits);
    return value >= least && value <= most;
  }
  // Digits, with underscores between them.
  template <class IsDigit>
  bool digits(IsDigit is_one) {
    std::size_t end = 0;
    while (end < rest_.size() &&
           (is_one(rest_[end]) || (rest_[end] == '_' && end > 0 && is_one(rest_[end - 1]))))
      ++end;
    if (end == 0 || rest_[end - 1] == '_') return false;
    rest_.remove_prefix(end);
    return true;
  }
  // Without a zero in front.
  bool decimal() {
    if (rest_.starts_with('0')) return take('0');
    return digits(is_digit);
  }

 private:
  std::string_view rest_;
};

bool take_date(Words& words) {
  int year = 0, month = 0, day = 0;
  if (!words.number(4, 0, 9999, year) || !words.take('-') || !words.number(2, 1, 12, month) ||
      !words.take('-'))
    return false;
  constexpr std::array<int, 12> days = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  const int last = days[static_cast<std::size_t>(month - 1)] + (month == 2 && leap ? 1 : 0);
  return words.number(2, 1, last, day);
}

bool take_time(Words& words) {
  int hour = 0, minute = 0, second = 0;
  if (!words.number(2, 0, 23, hour) || !words.take(':') || !words.number(2, 0, 59, minute) ||
      !words.take(':') || !words.number(2, 0, 59, second))
    return false;
  if (!words.take('.')) return true;
  int digit = 0;
  if (!words.number(1, 0, 9, digit)) return false;
  while (words.number(1, 0, 9, digit)) continue;
  return true;
}

bool take_offset(Words& words) {
  int hour = 0, minute = 0;
  return words.take_any("Zz") || (words.take_any("+-") && words.number(2, 0, 23, hour) && words.take(':') &&
                                  words.number(2, 0, 59, minute));
}

bool read_moment(std::string_view text, TomlValue& value) {
  Words words(text);
  value.text = text;
  value.kind = TomlValue::Kind::time;
  if (text.size() > 2 && text[2] == ':') return take_time(words) && words.done();
  if (!take_date(words)) return false;
  if (words.done()) {
    value.kind = TomlValue::Kind::date;
    return true;
  }
  return words.take_any("Tt ") && take_time(words) && (words.done() || (take_offset(words) && words.done()));
}

bool read_float(std::string_view text, TomlValue& value) {
  Words words(text);
  value.kind = TomlValue::Kind::floating;
  value.text = text;
  words.take_any("+-");
  if (text.ends_with("inf") || text.ends_with("nan"))
    return text.size() == 3 || (text.size() == 4 && !is_digit(text[0]) && Words(text).take_any("+-"));
  if (!words.decimal()) return false;
  const bool fraction = words.take('.');
  if (fraction && !words.digits(is_digit)) return false;
  const bool exponent = words.take_any("eE");
  if (exponent) {
    words.take_any("+-");
    if (!words.digits(is_digit)) return false;
  }
  return (fraction || exponent) && words.done();
}

bool read_integer(std::string_view text, TomlValue& value, std::string& wrong) {
  value.kind = TomlValue::Kind::integer;
  int base = 10;
  if (text.size() > 2 && text[0] == '0')
    base = text[1] == 'x' ? 16 : text[1] == 'o' ? 8 : text[1] == 'b' ? 2 : 10;
  Words words(base == 10 ? text : text.substr(2));
  if (base == 10) words.take_any("+-");
  const bool well_formed = base == 10   ? words.decimal()
                           : base == 16 ? words.digits(is_hexadecimal)
                           : base == 8  ? words.digits([](char c) { return c >= '0' && c <= '7'; })
                                        : words.digits([](char c) { return c == '0' || c == '1'; });
  if (!well_formed || !words.done()) return false;
  std::string plain(base == 10 ? text : text.substr(2));
  std::erase_if(plain, [](char c) { return c == '_' || c == '+'; });
  const auto [end, error] = std::from_chars(plain.data(), plain.data() + plain.size(), value.integer, base);
  if (error != std::errc()) wrong = "the number does not fit into 64 bits";
  return error == std::errc();
}

}  // namespace

bool read_toml_word(std::string_view text, TomlValue& value, std::string& wrong) {
  if (text == "true" || text == "false") {
    value.kind = TomlValue::Kind::boolean;
    value.boolean = text == "true";
    return true;
  }
  if (text.size() > 4 && (text[2] == ':' || text[4] == '-') && is_digit(text[0]) && is_digit(text[1])) {
    wrong = "no such date or time";
    return read_moment(text, value);
  }
  if (read_integer(text, value, wrong)) return true;
  return wrong.empty() && read_float(text, value);
}

}  // namespace cg
