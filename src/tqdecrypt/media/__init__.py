"""Media: RTP and RTCP as columns, the streams that they make, and whose call they belong to."""
