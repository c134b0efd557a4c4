"""Cards: pictures of a promo's own words, the same bytes for the same words, or none at all."""
