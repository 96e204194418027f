#include "kernel/release.h"

#include "base/digits.h"
#include "kernel/form.h"
#include "kernel/payload.h"
#include "kernel/search.h"

namespace cg {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view banner = "Linux version ";  // init/version-timestamp.c
constexpr std::size_t longest_release = 64;            // __NEW_UTS_LEN

bool is_release(std::string_view word) {
  const std::size_t dot = word.find_first_not_of("0123456789");
  return dot != std::string_view::npos && dot > 0 && word[dot] == '.';
}

class BannerSearch final : public KernelSearch {
 public:
  void begin() override { window_.clear(); }
  bool take(std::string_view piece) override {
    window_ += piece;
    for (std::size_t at = window_.find(banner); at != std::string::npos; at = window_.find(banner, at + 1)) {
      const auto rest = std::string_view(window_).substr(at + banner.size(), longest_release + 1);
      const std::size_t end = rest.find_first_of(" \0\n"sv);
      if (end == std::string_view::npos && rest.size() <= longest_release) {  // the next piece has more of it
        window_.erase(0, at);
        return true;
      }
      if (end == std::string_view::npos || !is_release(rest.substr(0, end))) continue;
      release_ = rest.substr(0, end);
      return false;
    }
    if (window_.size() > banner.size()) window_.erase(0, window_.size() - banner.size());
    return true;
  }
  bool found() const override { return !release_.empty(); }
  std::string& release() { return release_; }

 private:
  std::string window_;
  std::string release_;
};

}  // namespace

Result<std::string> kernel_release(std::string_view bytes, const std::string& name) {
  if (kernel_form(bytes) == KernelForm::bz_image)
    if (const auto release = bzimage_release(bytes); !release.empty()) return std::string(release);
  BannerSearch search;
  CG_TRY(searched, search_kernel(bytes, name, search));
  if (!searched.found) return refused(name + ": no version of Linux is found in it");
  return std::move(search.release());
}

}  // namespace cg
