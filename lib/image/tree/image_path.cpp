#include "image/tree/image_path.h"

namespace cg::image {

void push_front(std::deque<std::string>& rest, std::string_view path) {
  std::deque<std::string> parts;
  while (!path.empty()) {
    const auto slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
    if (!part.empty() && part != ".") parts.emplace_back(part);
  }
  rest.insert(rest.begin(), parts.begin(), parts.end());
}

}  // namespace cg::image
