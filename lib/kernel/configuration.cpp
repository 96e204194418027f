#include "kernel/configuration.h"

#include <fmt/format.h>

#include "compress/unpack.h"
#include "kernel/search.h"

namespace cg {
namespace {

using namespace std::string_view_literals;

// kernel/configs.c: the mark, config_data.gz, the end mark.
constexpr std::string_view begin_mark = "IKCFG_ST\x1f\x8b\x08"sv;
constexpr std::string_view end_mark = "IKCFG_ED"sv;
constexpr std::size_t mark_length = 8;
constexpr std::size_t largest_packed = 16 << 20;  // bytes
constexpr std::size_t largest_text = 64 << 20;    // bytes

class ConfigSearch final : public KernelSearch {
 public:
  void begin() override { *this = {}; }
  bool take(std::string_view piece) override {
    window_ += piece;
    if (!begun_) {
      const std::size_t at = window_.find(begin_mark);
      if (at == std::string::npos) {
        if (window_.size() > begin_mark.size()) window_.erase(0, window_.size() - begin_mark.size());
        return true;
      }
      begun_ = true;
      window_.erase(0, at + mark_length);
    }
    const std::size_t from = searched_ > end_mark.size() ? searched_ - end_mark.size() : 0;
    const std::size_t end = window_.find(end_mark, from);
    searched_ = window_.size();
    found_ = end != std::string::npos;
    if (found_) window_.resize(end);
    return !found_ && window_.size() <= largest_packed;
  }
  bool found() const override { return found_; }
  const std::string& packed() const { return window_; }  // once it is found

 private:
  std::string window_;
  std::size_t searched_ = 0;
  bool begun_ = false;
  bool found_ = false;
};

}  // namespace

Result<EmbeddedConfig> extract_config(std::string_view bytes, const std::string& name) {
  ConfigSearch search;
  CG_TRY(searched, search_kernel(bytes, name, search));
  if (!searched.found)  // nothing is wrong with such a kernel: it only does not tell
    return cannot(fmt::format(
        "{}: a {} without a configuration inside (IKCONFIG is not y){}: give the .config it "
        "was built from",
        name, searched.form, searched.form == "kernel image" ? ", or of a form that is not known" : ""));
  CG_TRY(text, unpack_whole(search.packed(), name + " (its embedded configuration)", largest_text));
  return EmbeddedConfig{std::move(text), std::move(searched.form)};
}

}  // namespace cg
