// The helpers of tests/image, in this program too.
#include "../image/support/image_case.cpp"
