//! Reading bytes into spanned trees and rows. No meaning here.
