#include "base/result.h"

#include <cstring>

namespace cg {

std::unexpected<Error> cannot_errno(const std::string& what, int error) {
  return cannot(what + ": " + std::strerror(error));
}

int exit_status(const Error& error) {
  switch (error.kind) {
    case ErrorKind::refused:
      return exit_no;
    case ErrorKind::usage:
      return exit_usage;
    case ErrorKind::cannot:
      return exit_unable;
  }
  return exit_unable;
}

}  // namespace cg
